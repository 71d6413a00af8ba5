import { copyBytes, IpAddress, type IpFamily, type Random, randomBelow } from '@sallyport/sans-io'

/** A range from which the devices of an account get their addresses inside the tunnel. */
export interface TunnelRange {
  readonly network: IpAddress
  /** How many addresses the range has, network and broadcast included; at most 2^31. */
  readonly size: number
}

/** Every address of an account's range is taken. */
export class TunnelRangeExhaustedError extends Error {
  override readonly name = 'TunnelRangeExhaustedError'
  /** Stable, for matching. */
  readonly code = 'PORTAL_TUNNEL_RANGE_EXHAUSTED'
  readonly network: IpAddress
  constructor(range: TunnelRange) {
    super(`all addresses of ${range.network} are taken`)
    this.network = range.network
  }
}

/** The ranges of clients and gateways: 100.64.0.0/11 and fd00:2021:1111::/107, 2^21 addresses each. */
export const TUNNEL_RANGES: { readonly [F in IpFamily]: TunnelRange } = {
  4: { network: IpAddress.of('100.64.0.0'), size: 2 ** 21 },
  6: { network: IpAddress.of('fd00:2021:1111::'), size: 2 ** 21 },
}

const FIRST_HOST = 2 // the first address is kept free, besides that of the network

/**
 * Chooses a free address: a random one or the next free one above it, else the next one below it.
 *
 * The network's address, the one behind it and the last one are never chosen.
 *
 * @param isTaken - Whether the account has a device with the address of this canonical text.
 * @throws {@link TunnelRangeExhaustedError}
 */
export function allocateTunnelAddress(
  range: TunnelRange,
  isTaken: (address: string) => boolean,
  random: Random,
): IpAddress {
  return allocateFrom(range, FIRST_HOST + randomBelow(random, range.size - 1 - FIRST_HOST), isTaken)
}

/** Like {@link allocateTunnelAddress}, from the given offset on. */
export function allocateFrom(range: TunnelRange, offset: number, isTaken: (address: string) => boolean): IpAddress {
  for (let i = offset; i <= range.size - 2; i++) {
    const address = hostOf(range, i)
    if (!isTaken(address.text)) return address
  }
  for (let i = offset - 1; i >= FIRST_HOST; i--) {
    const address = hostOf(range, i)
    if (!isTaken(address.text)) return address
  }
  throw new TunnelRangeExhaustedError(range)
}

/** Returns the address `offset` behind the network's. */
export function hostOf(range: TunnelRange, offset: number): IpAddress {
  const bytes = copyBytes(range.network.bytes)
  let carry = offset
  for (let i = bytes.length - 1; carry > 0; i--) {
    carry += bytes[i]!
    bytes[i] = carry & 0xff
    carry = Math.floor(carry / 256)
  }
  return IpAddress.fromBytes(bytes)
}
