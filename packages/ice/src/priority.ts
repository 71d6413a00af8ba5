import type { IpFamily } from '@sallyport/sans-io'
import type { CandidateType } from './candidate.ts'

/** Type preferences (RFC 8445 §5.1.2.2). A relay is 2 rather than 0: the value that the original uses for UDP. */
export const TYPE_PREFERENCE: Readonly<Record<CandidateType, number>> = { host: 126, prflx: 110, srflx: 100, relay: 2 }

/** Where local preferences start, by type: disjoint ranges, so that no type's candidates collide with another's. */
const FIRST_LOCAL_PREFERENCE: Readonly<Record<CandidateType, number>> = {
  host: 65535,
  prflx: 49151,
  srflx: 32767,
  relay: 16383,
}

/** How much a relayed candidate loses where its family differs from that of the path to the relay. */
const TRANSLATION_PENALTY = 1000

/** Returns the priority of a candidate of component 1, an unsigned 32-bit number (RFC 8445 §5.1.2.1). */
export function candidatePriority(type: CandidateType, localPreference: number): number {
  return TYPE_PREFERENCE[type] * 2 ** 24 + localPreference * 2 ** 8 + 255
}

/**
 * Returns the local preference of a candidate that an agent takes: IPv6 before IPv4, earlier before later, and relays
 * that translate between the families last (RFC 8421).
 *
 * @param earlier - How many candidates of the same type and family the agent has taken before.
 * @param viaFamily - The family of the socket through which a relay is reached.
 */
export function agentLocalPreference(
  type: CandidateType,
  family: IpFamily,
  earlier: number,
  viaFamily: IpFamily = family,
): number {
  const preference = FIRST_LOCAL_PREFERENCE[type] - (family === 4 ? 1 : 0) - 2 * earlier
  return Math.max(0, type === 'relay' && viaFamily !== family ? preference - TRANSLATION_PENALTY : preference)
}

/** Returns the local preference of a candidate that is signalled without passing through an agent: IPv6 before IPv4. */
export function signalledLocalPreference(family: IpFamily): number {
  return family === 6 ? 65535 : 65534
}

/** Returns what a check from a candidate of that priority carries in PRIORITY (RFC 8445 §7.1.1). */
export function peerReflexivePriority(priority: number): number {
  return TYPE_PREFERENCE.prflx * 2 ** 24 + (priority % 2 ** 24)
}

/**
 * Returns the priority of a pair, up to 64 bits (RFC 8445 §6.1.2.3).
 *
 * @param controlling - The priority of the controlling agent's candidate.
 * @param controlled - The priority of the controlled agent's candidate.
 */
export function pairPriority(controlling: number, controlled: number): bigint {
  const low = BigInt(Math.min(controlling, controlled))
  const high = BigInt(Math.max(controlling, controlled))
  return (low << 32n) + 2n * high + (controlling > controlled ? 1n : 0n)
}
