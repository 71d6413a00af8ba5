import type { CandidatePair } from './candidate-pair.ts'

/**
 * Where an agent stands:
 *
 * - `new`: it has not run yet
 * - `checking`: no pair is nominated, but one may still be
 * - `connected`: a pair is nominated, and others are still being tried or kept alive
 * - `completed`: every pair that is left is nominated
 * - `disconnected`: no pair is left; new candidates may change that
 */
export type IceConnectionState = 'new' | 'checking' | 'connected' | 'completed' | 'disconnected'

/**
 * Returns the state of an agent that has run.
 *
 * @param isWaiting - Whether either side has not had any candidate so far, so that everything is still possible.
 */
export function connectionState(pairs: readonly CandidatePair[], isWaiting: boolean): IceConnectionState {
  const hasNominated = pairs.some(pair => pair.isNominated)
  const hasPossible = isWaiting || pairs.some(pair => !pair.isNominated)
  if (hasNominated) return hasPossible ? 'connected' : 'completed'
  return hasPossible ? 'checking' : 'disconnected'
}
