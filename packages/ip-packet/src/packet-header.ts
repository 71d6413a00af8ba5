import { ICMP, ICMPV6, TCP, UDP } from './protocol.ts'

/** Why bytes are not an IP packet that we carry. */
export type PacketDefect =
  | 'truncated-header'
  | 'unknown-version'
  | 'bad-length'
  | 'fragment'
  | 'truncated-transport'
  | 'bad-transport-length'
  | 'foreign-icmp'

/**
 * What the headers of one packet say, as plain numbers: made once, filled again for each packet.
 *
 * Fields keep their values until the next {@link parse}; after a defect they are meaningless. Offsets are absolute in
 * the bytes that were given to it.
 *
 * ```text
 * offset              transportOffset     payloadOffset
 * ├─ IP header, options, extensions ─┼─ TCP, UDP, ICMP header ─┼─ payload ─┤
 * ├──────── headerLength ────────────┤                                     │
 * ├─────────────────────────── totalLength ────────────────────────────────┤
 * ```
 */
export class PacketHeader {
  /** 4 or 6. */
  version = 0
  /** Where the packet begins. */
  offset = 0
  /** Bytes of the packet according to the IP header: what lies behind is padding and no part of it. */
  totalLength = 0
  /** Bytes in front of the transport header: IP header with options, or with all extension headers. */
  headerLength = 0
  /** The transport protocol (IANA): extension and authentication headers are skipped. */
  protocol = 0
  /** Where the source address begins; the destination address follows it directly. */
  sourceOffset = 0
  destinationOffset = 0
  /** 4 or 16. */
  addressLength = 0
  /** IPv4 TTL or IPv6 hop limit. */
  hopLimit = 0
  /** The two ECN bits (RFC 3168 §5). */
  ecn = 0
  /** Where the transport header begins. */
  transportOffset = 0
  /** Bytes of the TCP header with options, or 8 for UDP and ICMP; 0 for other protocols. */
  transportHeaderLength = 0
  /** Where the payload of TCP, UDP or ICMP begins; of other protocols everything is payload. */
  payloadOffset = 0
  /** TCP or UDP source port; 0 for other protocols. */
  sourcePort = 0
  /** TCP or UDP destination port; 0 for other protocols. */
  destinationPort = 0
  /** TCP flags, CWR to FIN; 0 for other protocols. */
  tcpFlags = 0
  /** ICMP or ICMPv6 type; -1 for other protocols. */
  icmpType = -1
  /** ICMP or ICMPv6 code; -1 for other protocols. */
  icmpCode = -1
  /** Identifier of an echo request or reply; -1 for everything else. */
  icmpId = -1

  /** Bytes of the payload behind the transport header. */
  get payloadLength(): number {
    return this.offset + this.totalLength - this.payloadOffset
  }

  /** Whether it is an ICMP or ICMPv6 error message: a type that quotes a packet (RFC 1122 §3.2.2, RFC 4443 §2.1). */
  get isIcmpError(): boolean {
    const type = this.icmpType
    if (this.protocol === ICMPV6) return type >= 0 && type < 128
    return this.protocol === ICMP && (type === 3 || type === 4 || type === 5 || type === 11 || type === 12)
  }

  /**
   * Reads the packet of at most `length` bytes at `offset`.
   *
   * Checks what later readers rely on: header, total, TCP and UDP lengths are consistent with the bytes. Checksums are
   * not verified. Fragments are refused, except "atomic" ones (RFC 6946), since the house neither makes nor mends them.
   *
   * @returns the first defect, or `undefined` when the fields are valid. Never throws: these bytes come from strangers.
   */
  parse(bytes: Uint8Array, offset: number, length: number): PacketDefect | undefined {
    this.offset = offset
    if (length < 20) return 'truncated-header'
    const version = bytes[offset]! >> 4
    this.version = version
    const defect =
      version === 4
        ? this.#parseIpv4(bytes, offset, length)
        : version === 6
          ? this.#parseIpv6(bytes, offset, length)
          : 'unknown-version'
    return defect ?? this.#parseTransport(bytes)
  }

  #parseIpv4(bytes: Uint8Array, offset: number, length: number): PacketDefect | undefined {
    const headerLength = (bytes[offset]! & 0x0f) << 2
    if (headerLength < 20) return 'bad-length'
    if (headerLength > length) return 'truncated-header'
    const totalLength = (bytes[offset + 2]! << 8) | bytes[offset + 3]!
    if (totalLength < headerLength || totalLength > length) return 'bad-length'
    if (((bytes[offset + 6]! & 0x3f) | bytes[offset + 7]!) !== 0) return 'fragment' // more fragments, or an offset
    this.totalLength = totalLength
    this.headerLength = headerLength
    this.ecn = bytes[offset + 1]! & 3
    this.hopLimit = bytes[offset + 8]!
    this.protocol = bytes[offset + 9]!
    this.sourceOffset = offset + 12
    this.destinationOffset = offset + 16
    this.addressLength = 4
    return this.protocol === AUTHENTICATION_HEADER ? this.#skipExtensions(bytes, false) : undefined
  }

  #parseIpv6(bytes: Uint8Array, offset: number, length: number): PacketDefect | undefined {
    if (length < 40) return 'truncated-header'
    const totalLength = 40 + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!)
    if (totalLength > length) return 'bad-length'
    this.totalLength = totalLength
    this.headerLength = 40
    this.ecn = (bytes[offset + 1]! >> 4) & 3
    this.hopLimit = bytes[offset + 7]!
    this.protocol = bytes[offset + 6]!
    this.sourceOffset = offset + 8
    this.destinationOffset = offset + 24
    this.addressLength = 16
    return this.#skipExtensions(bytes, true)
  }

  /** Moves `protocol` and `headerLength` behind extension headers (RFC 8200 §4) and authentication headers (RFC 4302). */
  #skipExtensions(bytes: Uint8Array, isIpv6: boolean): PacketDefect | undefined {
    for (;;) {
      const protocol = this.protocol
      const at = this.offset + this.headerLength
      const left = this.totalLength - this.headerLength
      if (protocol !== AUTHENTICATION_HEADER && !(isIpv6 && isExtension(protocol))) return undefined
      if (left < 8) return 'truncated-header'
      if (protocol === FRAGMENT_HEADER && ((bytes[at + 2]! << 8) | (bytes[at + 3]! & 0xf9)) !== 0) return 'fragment'
      const units = bytes[at + 1]!
      const length =
        protocol === FRAGMENT_HEADER ? 8 : protocol === AUTHENTICATION_HEADER ? (units + 2) << 2 : (units + 1) << 3
      if (length > left) return 'truncated-header'
      this.protocol = bytes[at]!
      this.headerLength += length
    }
  }

  #parseTransport(bytes: Uint8Array): PacketDefect | undefined {
    const at = this.offset + this.headerLength
    const length = this.totalLength - this.headerLength
    this.transportOffset = at
    this.sourcePort = 0
    this.destinationPort = 0
    this.tcpFlags = 0
    this.icmpType = -1
    this.icmpCode = -1
    this.icmpId = -1
    let transportHeaderLength = 0
    switch (this.protocol) {
      case TCP:
        if (length < 20) return 'truncated-transport'
        transportHeaderLength = (bytes[at + 12]! >> 4) << 2
        if (transportHeaderLength < 20 || transportHeaderLength > length) return 'bad-transport-length'
        this.#readPorts(bytes, at)
        this.tcpFlags = bytes[at + 13]!
        break
      case UDP: {
        if (length < 8) return 'truncated-transport'
        const udpLength = (bytes[at + 4]! << 8) | bytes[at + 5]!
        if (udpLength < 8 || udpLength > length) return 'bad-transport-length'
        transportHeaderLength = 8
        this.#readPorts(bytes, at)
        break
      }
      case ICMP:
      case ICMPV6:
        if ((this.protocol === ICMP) !== (this.version === 4)) return 'foreign-icmp'
        if (length < 8) return 'truncated-transport'
        transportHeaderLength = 8
        this.icmpType = bytes[at]!
        this.icmpCode = bytes[at + 1]!
        if (isEcho(this.protocol, this.icmpType)) this.icmpId = (bytes[at + 4]! << 8) | bytes[at + 5]!
        break
    }
    this.transportHeaderLength = transportHeaderLength
    this.payloadOffset = at + transportHeaderLength
    return undefined
  }

  #readPorts(bytes: Uint8Array, at: number): void {
    this.sourcePort = (bytes[at]! << 8) | bytes[at + 1]!
    this.destinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!
  }
}

const FRAGMENT_HEADER = 44
const AUTHENTICATION_HEADER = 51

/** Hop-by-hop, routing, fragment, destination options, mobility, HIP, Shim6: IPv6 headers that say what follows them. */
function isExtension(protocol: number): boolean {
  switch (protocol) {
    case 0:
    case 43:
    case FRAGMENT_HEADER:
    case 60:
    case 135:
    case 139:
    case 140:
      return true
    default:
      return false
  }
}

function isEcho(protocol: number, type: number): boolean {
  return protocol === ICMP ? type === 8 || type === 0 : type === 128 || type === 129
}
