/**
 * IP packets: headers, checksums, prefixes, and the cutting and joining of trains (TSO and GRO) as pure functions.
 *
 * What lies on the packet path works on `(bytes, offset, length)` and reusable objects, and allocates nothing.
 *
 * @packageDocumentation
 */
export {
  type EchoFields,
  type IpFields,
  makeIcmpEcho,
  makeIpPacket,
  makeTcpPacket,
  makeUdpPacket,
  type TcpFields,
  type UdpFields,
} from './builders.ts'
export {
  type ChecksumKernel,
  checksumOf,
  foldSum,
  portableChecksum,
  pseudoHeaderSum,
  sumBytes,
  updateChecksum,
} from './checksum.ts'
export { CONGESTION_EXPERIENCED, ECT_0, ECT_1, ecnOf, mergeEcn, NOT_ECT } from './ecn.ts'
export { ICMP_ERROR_HOP_LIMIT, ICMPV6_QUOTE_LIMIT, makeUnreachable, type UnreachableReason } from './icmp-error.ts'
export { IpPrefix } from './ip-prefix.ts'
export { type PacketDefect, PacketHeader } from './packet-header.ts'
export { PrefixTable } from './prefix-table.ts'
export {
  ICMP,
  ICMPV6,
  MAX_PACKET_LENGTH,
  TCP,
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
  UDP,
} from './protocol.ts'
export { destinationPortOffset, rewriteEndpoint, sourcePortOffset } from './rewrite.ts'
export { TrainCutter, type TrainCutterOptions, type TrainDefect } from './train-cutter.ts'
export { MAX_TRAIN_LENGTH, MAX_TRAIN_SEGMENTS, TrainJoiner, type TrainJoinerOptions } from './train-joiner.ts'
export { GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP, TrainPacker } from './train-packer.ts'
export { hasValidChecksums, verifyChecksums } from './verify.ts'
