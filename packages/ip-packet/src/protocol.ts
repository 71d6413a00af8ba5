/** The longest inner IP packet that the tunnel carries, in bytes: the MTU of every TUN device. */
export const MAX_PACKET_LENGTH = 1280

/** Protocol numbers (IANA) as found in `PacketHeader.protocol`. */
export const ICMP = 1
export const TCP = 6
export const UDP = 17
export const ICMPV6 = 58

/** TCP flags (RFC 9293 §3.1, RFC 3168 §6.1) as found in `PacketHeader.tcpFlags`. */
export const TCP_FIN = 0x01
export const TCP_SYN = 0x02
export const TCP_RST = 0x04
export const TCP_PSH = 0x08
export const TCP_ACK = 0x10
export const TCP_URG = 0x20
export const TCP_ECE = 0x40
export const TCP_CWR = 0x80
