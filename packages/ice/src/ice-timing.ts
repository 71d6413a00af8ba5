import { type Millis, millis, seconds } from '@sallyport/sans-io'
import { IceOptionsError } from './error.ts'

/** How often connectivity checks are sent, and when a pair is given up. */
export interface IceTiming {
  /** How long after its first check a pair is checked again; doubles from check to check. More than zero. */
  readonly initialRto: Millis
  /** The longest time between two checks: also how often a working pair is checked. At least {@link initialRto}. */
  readonly maxRto: Millis
  /** How many checks in a row remain unanswered before a pair is given up. An integer of at least 1. */
  readonly maxRetransmits: number
}

/** Notices a dead path in 15.25 s. */
export const DEFAULT_TIMING: IceTiming = { initialRto: millis(250), maxRto: millis(1500), maxRetransmits: 12 }

/** For connections that nobody uses: a check every 25 s; notices a dead path in 100 s. */
export const IDLE_TIMING: IceTiming = { initialRto: seconds(25), maxRto: seconds(25), maxRetransmits: 4 }

/** Returns how long to wait after the `count`-th check in a row: nothing for 0, then doubling up to the maximum. */
export function checkDelay({ initialRto, maxRto, maxRetransmits }: IceTiming, count: number): Millis {
  if (count === 0) return millis(0)
  return millis(Math.min(initialRto * 2 ** (Math.min(count, maxRetransmits) - 1), maxRto))
}

/** Returns how long a pair that never answers is checked before it is given up. */
export function iceTimeout(timing: IceTiming): Millis {
  let sum = 0
  for (let count = 1; count <= timing.maxRetransmits; count++) sum += checkDelay(timing, count)
  return millis(sum)
}

/** Throws an {@link IceOptionsError} if the timing would not let time pass. */
export function assertTiming({ initialRto, maxRto, maxRetransmits }: IceTiming): void {
  if (!(initialRto > 0) || !(maxRto >= initialRto) || !Number.isFinite(maxRto)) {
    throw new IceOptionsError(`timing needs 0 < initialRto <= maxRto, not ${initialRto} and ${maxRto}`)
  }
  if (!Number.isInteger(maxRetransmits) || maxRetransmits < 1) {
    throw new IceOptionsError(`timing needs a whole number of retransmits, not ${maxRetransmits}`)
  }
}
