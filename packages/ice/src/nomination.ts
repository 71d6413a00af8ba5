import type { CandidatePair } from './candidate-pair.ts'

/**
 * Returns the pair that should carry data: of those that have succeeded (controlling) or that the peer has nominated
 * (controlled) the one of highest priority.
 *
 * A pair whose checks remain unanswered gives way to one that answers, although it isn't given up yet.
 *
 * The controlled agent doesn't wait for its own check: data may flow from the moment of the nomination.
 *
 * @param pairs - In descending order of priority; of equals the last one wins, as in the original.
 */
export function bestPair(pairs: readonly CandidatePair[], controlling: boolean): CandidatePair | undefined {
  const eligible = pairs.filter(pair => (controlling ? pair.state === 'succeeded' : pair.isNominated))
  return lastOfBest(eligible.filter(pair => !pair.isFaltering)) ?? lastOfBest(eligible)
}

function lastOfBest(pairs: readonly CandidatePair[]): CandidatePair | undefined {
  return pairs.findLast(({ priority }) => priority === pairs[0]?.priority)
}
