import { type Random, randomBelow } from '@sallyport/sans-io'
import { type Coordinates, groupByDistance } from './location.ts'

/** How many relays a peer is given. */
export const RELAYS_PER_PEER = 2

/** A relay that may be chosen: it is online now. */
export interface RelayCandidate {
  readonly id: string
  readonly coordinates: Coordinates | undefined
}

/**
 * Chooses the relays of a peer: one of each of the two nearest places, or any two where the peer's place is unknown.
 *
 * @param known - Ids of relays that the peer already has: they are preferred to others at the same place, because each
 * change of relays costs the peer an allocation.
 */
export function chooseRelays<R extends RelayCandidate>(
  online: readonly R[],
  peer: Coordinates | undefined,
  known: ReadonlySet<string>,
  random: Random,
): R[] {
  const shuffled = shuffle(online, random).sort((a, b) => Number(known.has(b.id)) - Number(known.has(a.id)))
  if (peer === undefined) return shuffled.slice(0, RELAYS_PER_PEER)
  return groupByDistance(peer, shuffled, relay => relay.coordinates)
    .slice(0, RELAYS_PER_PEER)
    .map(place => place[0]!)
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1)
    ;[out[i], out[j]] = [out[j]!, out[i]!]
  }
  return out
}
