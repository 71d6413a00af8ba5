/** The longest inner IP packet that the tunnel carries, in bytes: the MTU of every TUN device. */
export const MAX_PACKET_LENGTH = 1280

// Protocol numbers (IANA), as in `PacketHeader.protocol`.

/** ICMP for IPv4 (RFC 792). */
export const ICMP = 1
/** TCP (RFC 9293). */
export const TCP = 6
/** UDP (RFC 768). */
export const UDP = 17
/** ICMP for IPv6 (RFC 4443). */
export const ICMPV6 = 58

// Flags of TCP (RFC 9293 §3.1, RFC 3168 §6.1), as in `PacketHeader.tcpFlags`.

/** The sender has no more data. */
export const TCP_FIN = 0x01
/** The sequence number is the initial one. */
export const TCP_SYN = 0x02
/** The connection is reset. */
export const TCP_RST = 0x04
/** The receiver is to hand data over at once. */
export const TCP_PSH = 0x08
/** The acknowledgement number counts. */
export const TCP_ACK = 0x10
/** The urgent pointer counts. */
export const TCP_URG = 0x20
/** The receiver has seen congestion (RFC 3168). */
export const TCP_ECE = 0x40
/** The sender has slowed down (RFC 3168). */
export const TCP_CWR = 0x80
