import { copyBytes, IpAddress } from '@sallyport/sans-io'

/** A network: an address whose host bits are zero, and the length of its prefix in bits. */
export interface Cidr {
  readonly address: IpAddress
  readonly length: number
}

/** Parses `10.0.0.0/8`; host bits are cleared. A bare address is its full prefix. `undefined` if it is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [ip, length, ...rest] = text.split('/')
  const address = IpAddress.parse(ip!)
  if (address === undefined || rest.length > 0) return undefined
  const bits = address.bytes.length * 8
  if (length === undefined) return { address, length: bits }
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return undefined
  return { address: masked(address, Number(length)), length: Number(length) }
}

/** Returns `10.0.0.0/8`. */
export const formatCidr = (cidr: Cidr): string => `${cidr.address}/${cidr.length}`

/** Returns whether `address` lies in `cidr`. Families never match each other. */
export const cidrContains = (cidr: Cidr, address: IpAddress): boolean =>
  cidr.address.family === address.family && masked(address, cidr.length).equals(cidr.address)

/** Returns whether the two networks have an address in common. */
export const cidrsOverlap = (a: Cidr, b: Cidr): boolean =>
  a.length <= b.length ? cidrContains(a, b.address) : cidrContains(b, a.address)

function masked(address: IpAddress, length: number): IpAddress {
  const bytes = copyBytes(address.bytes)
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, length - 8 * i))
    bytes[i]! &= 0xff << (8 - kept)
  }
  return IpAddress.fromBytes(bytes)
}
