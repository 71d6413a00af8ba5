/** Levels and types of the control messages that go with a datagram. */
export const SOL_UDP = 17
export const UDP_SEGMENT = 103
export const UDP_GRO = 104

export const IPPROTO_IP = 0
export const IP_TOS = 1
export const IP_PKTINFO = 8
export const IP_RECVTOS = 13

export const IPPROTO_IPV6 = 41
export const IPV6_RECVPKTINFO = 49
export const IPV6_PKTINFO = 50
export const IPV6_RECVTCLASS = 66
export const IPV6_TCLASS = 67
