/** The two address families. */
export type IpFamily = 4 | 6

/**
 * An IPv4 or IPv6 address: immutable, with a canonical text (RFC 5952) that is equal exactly when the address is.
 *
 * IPv4-mapped IPv6 addresses stay what they were given as.
 */
export class IpAddress {
  readonly family: IpFamily
  /** Canonical text: `192.0.2.1`, `2001:db8::1`. Compare addresses by it. */
  readonly text: string
  /** The address's 4 or 16 bytes in network order. Not to be written to. */
  readonly bytes: Uint8Array

  private constructor(family: IpFamily, bytes: Uint8Array) {
    this.family = family
    this.bytes = bytes
    this.text = family === 4 ? bytes.join('.') : formatIpv6(bytes)
  }

  /** Makes an address of 4 or 16 bytes in network order, which are copied. Throws a `RangeError` for another length. */
  static fromBytes(bytes: Uint8Array): IpAddress {
    // not `slice`, which in a Buffer of Node.js is a view
    if (bytes.length === 4) return new IpAddress(4, new Uint8Array(bytes))
    if (bytes.length === 16) return new IpAddress(6, new Uint8Array(bytes))
    throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`)
  }

  /** Parses text such as `192.0.2.1` or `2001:db8::1`; `undefined` if it is no address. Zone ids are not accepted. */
  static parse(text: string): IpAddress | undefined {
    const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text)
    return bytes && new IpAddress(bytes.length === 4 ? 4 : 6, bytes)
  }

  /** Like {@link parse} for text that is known to be right; throws a `RangeError` where it isn't. */
  static of(text: string): IpAddress {
    const address = IpAddress.parse(text)
    if (address === undefined) throw new RangeError(`not an IP address: ${text}`)
    return address
  }

  /** Returns whether this is the same address as `other`. */
  equals(other: IpAddress): boolean {
    return this.text === other.text
  }

  /** Returns {@link text}. */
  toString(): string {
    return this.text
  }

  /** Returns {@link text}. */
  toJSON(): string {
    return this.text
  }
}

/** An IP address and a port: where a datagram comes from or goes to. Immutable. */
export class SocketAddress {
  readonly ip: IpAddress
  /** From 0 to 65535. */
  readonly port: number
  /** `192.0.2.1:3478` or `[2001:db8::1]:3478`: equal exactly when the addresses are; made for `Map` keys. */
  readonly key: string

  constructor(ip: IpAddress, port: number) {
    this.ip = ip
    this.port = port
    this.key = ip.family === 4 ? `${ip.text}:${port}` : `[${ip.text}]:${port}`
  }

  /** Parses `192.0.2.1:3478` or `[2001:db8::1]:3478`; `undefined` if it is neither. */
  static parse(text: string): SocketAddress | undefined {
    const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
    if (match === null) return undefined
    const ip = IpAddress.parse(match[1] ?? match[2]!)
    const port = Number(match[3])
    if (ip === undefined || port > 0xffff || (match[1] === undefined) !== (ip.family === 4)) return undefined
    return new SocketAddress(ip, port)
  }

  /** Like {@link parse} for text that is known to be right; throws a `RangeError` where it isn't. */
  static of(text: string): SocketAddress {
    const address = SocketAddress.parse(text)
    if (address === undefined) throw new RangeError(`not a socket address: ${text}`)
    return address
  }

  /** The family of {@link ip}. */
  get family(): IpFamily {
    return this.ip.family
  }

  /** Returns whether this is the same address and port as `other`. */
  equals(other: SocketAddress): boolean {
    return this === other || this.key === other.key
  }

  /** Returns {@link key}. */
  toString(): string {
    return this.key
  }

  /** Returns {@link key}. */
  toJSON(): string {
    return this.key
  }
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined // a leading zero might mean octal
    bytes[i] = Number(part)
  }
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const bytes = new Uint8Array(16)
  groups.forEach((group, i) => {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 0xff
  })
  return bytes
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (mayEndInIpv4 && i === parts.length - 1 && part.includes('.')) {
      const v4 = parseIpv4(part)
      if (v4 === undefined) return undefined
      groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!)
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups.length <= 8 ? groups : undefined
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!)
  let best = { start: -1, length: 1 } // RFC 5952 §4.2.2: a single zero group is not shortened
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = groups.map(group => group.toString(16))
  if (best.start < 0) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}
