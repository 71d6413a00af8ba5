import type { CandidatePair } from './candidate-pair.ts'

/**
 * Returns the pair that should carry data: of those that have succeeded (controlling) or that the peer has nominated
 * (controlled) the one of highest priority.
 *
 * The controlled agent doesn't wait for its own check: data may flow from the moment of the nomination.
 *
 * @param pairs - In descending order of priority; of equals the last one wins, as in the original.
 */
export function bestPair(pairs: readonly CandidatePair[], controlling: boolean): CandidatePair | undefined {
  let best: CandidatePair | undefined
  for (const pair of pairs) {
    if (controlling ? pair.state !== 'succeeded' : !pair.isNominated) continue
    if (best !== undefined && pair.priority < best.priority) break
    best = pair
  }
  return best
}
