import { copyBytes, IpAddress, type IpFamily } from '@sallyport/sans-io'

/** A block of addresses in CIDR notation (RFC 4632, RFC 4291 §2.3): immutable; its host bits are zero. */
export class IpPrefix {
  /** The first address of the block. */
  readonly address: IpAddress
  /** How many leading bits are fixed: 0 to 32, or 0 to 128. */
  readonly length: number
  /** `10.0.0.0/8`, `2001:db8::/32`: equal exactly when the prefixes are. */
  readonly text: string

  private constructor(address: IpAddress, length: number) {
    this.address = address
    this.length = length
    this.text = `${address.text}/${length}`
  }

  /** Parses CIDR text; `undefined` if it has no prefix length, one out of range, or host bits that are set. */
  static parse(text: string): IpPrefix | undefined {
    const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text)
    const address = match === null ? undefined : IpAddress.parse(match[1]!)
    if (match === null || address === undefined) return undefined
    const length = Number(match[2])
    if (length > address.bytes.length * 8 || hasHostBits(address.bytes, length)) return undefined
    return new IpPrefix(address, length)
  }

  /** Like {@link parse} for text that is known to be right; throws a `RangeError` where it isn't. */
  static of(text: string): IpPrefix {
    const prefix = IpPrefix.parse(text)
    if (prefix === undefined) throw new RangeError(`not an IP prefix: ${text}`)
    return prefix
  }

  /** Returns the prefix of just this address: a /32 or a /128. */
  static host(address: IpAddress): IpPrefix {
    return new IpPrefix(address, address.bytes.length * 8)
  }

  /** Returns the prefix of `length` bits that `address` lies in. Throws a `RangeError` for a length out of range. */
  static around(address: IpAddress, length: number): IpPrefix {
    if (!Number.isInteger(length) || length < 0 || length > address.bytes.length * 8)
      throw new RangeError(`no prefix of ${length} bits in IPv${address.family}`)
    const bytes = copyBytes(address.bytes)
    for (let i = 0; i < bytes.length; i++) {
      const kept = Math.min(8, Math.max(0, length - 8 * i))
      bytes[i] = bytes[i]! & (0xff00 >> kept)
    }
    return new IpPrefix(IpAddress.fromBytes(bytes), length)
  }

  /** 4 or 6. */
  get family(): IpFamily {
    return this.address.family
  }

  /** Returns whether `address` lies in this block; never for an address of the other family. */
  contains(address: IpAddress): boolean {
    return address.family === this.family && this.containsBytes(address.bytes, 0)
  }

  /** Returns whether the address of this prefix's family whose bytes begin at `offset` lies in this block. */
  containsBytes(bytes: Uint8Array, offset: number): boolean {
    return matchingBits(this.address.bytes, bytes, offset, this.length) >= this.length
  }

  /** Returns whether every address of `other` lies in this block. */
  covers(other: IpPrefix): boolean {
    return other.length >= this.length && this.contains(other.address)
  }

  /** Returns whether this is the same block as `other`. */
  equals(other: IpPrefix): boolean {
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

/** Returns how many leading bits of `prefix` equal those of the bytes at `offset`, counting at most `limit`. */
export function matchingBits(prefix: Uint8Array, bytes: Uint8Array, offset: number, limit: number): number {
  for (let i = 0; i * 8 < limit; i++) {
    const difference = prefix[i]! ^ bytes[offset + i]!
    if (difference !== 0) return Math.min(limit, i * 8 + Math.clz32(difference) - 24)
  }
  return limit
}

function hasHostBits(bytes: Uint8Array, length: number): boolean {
  for (let i = length >> 3; i < bytes.length; i++) {
    const mask = i === length >> 3 ? 0xff >> (length & 7) : 0xff
    if ((bytes[i]! & mask) !== 0) return true
  }
  return false
}
