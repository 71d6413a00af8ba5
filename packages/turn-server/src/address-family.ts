import type { IpAddress, IpFamily } from '@sallyport/sans-io'

/** The addresses on which a relay is reached: of one family, or of both. */
export interface PublicAddresses {
  readonly v4?: IpAddress | undefined
  readonly v6?: IpAddress | undefined
}

/**
 * Decides on which of its addresses a relay allocates, given REQUESTED-ADDRESS-FAMILY and ADDITIONAL-ADDRESS-FAMILY
 * (RFC 8656 §7.2).
 *
 * A relay of one family that is asked for the other one *in addition* gives what it has: Firezone's clients always ask.
 *
 * @returns the addresses, IPv4 first, or the code of the error.
 */
export function chooseAddresses(
  own: PublicAddresses,
  requested: IpFamily | undefined,
  additional: IpFamily | undefined,
): readonly IpAddress[] | 400 | 440 {
  if (additional !== undefined) {
    if (requested !== undefined || additional === 4) return 400 // the additional one can only be IPv6
    return [own.v4, own.v6].filter(ip => ip !== undefined)
  }
  const ip = requested === 6 ? own.v6 : own.v4
  return ip === undefined ? 440 : [ip]
}
