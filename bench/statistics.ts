/** Returns the middle of some numbers, or the mean of the two in the middle; `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Returns the median of what `ours` is in each round, as a multiple of `theirs` in the same round.
 *
 * A machine that is slow for a while is slow for both, so ratios of neighbours swing less than the ratio of medians.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[], isRate: boolean): number {
  return median(ours.map((value, i) => (isRate ? value / theirs[i]! : theirs[i]! / value)))
}
