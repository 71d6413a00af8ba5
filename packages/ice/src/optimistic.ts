import { SocketAddress } from '@sallyport/sans-io'
import { type Candidate, serverReflexiveCandidate } from './candidate.ts'

/** How many optimistic candidates one call makes at most. */
export const MAX_OPTIMISTIC = 2

/**
 * Guesses server-reflexive candidates of a peer: its public IPv4 address with the port of one of its host candidates.
 *
 * That is where a peer behind a symmetric NAT is reached if that NAT forwards the port as it is. A guess costs a few
 * unanswered checks, so there are at most {@link MAX_OPTIMISTIC} of them, none at an address that is known.
 *
 * @param remote - The peer's candidates so far, earlier guesses included.
 */
export function optimisticCandidates(remote: readonly Candidate[]): Candidate[] {
  const known = new Set(remote.map(({ address }) => address.key))
  const guesses: Candidate[] = []
  for (const { ip } of addressesOf(remote, 'srflx')) {
    for (const { port } of addressesOf(remote, 'host')) {
      const address = new SocketAddress(ip, port)
      if (guesses.length === MAX_OPTIMISTIC) return guesses
      if (known.has(address.key)) continue
      known.add(address.key)
      const guess = serverReflexiveCandidate(address, address)
      if (typeof guess !== 'string') guesses.push(guess)
    }
  }
  return guesses
}

function addressesOf(candidates: readonly Candidate[], type: 'srflx' | 'host'): SocketAddress[] {
  return candidates
    .filter(candidate => candidate.type === type && candidate.address.family === 4)
    .map(({ address }) => address)
}
