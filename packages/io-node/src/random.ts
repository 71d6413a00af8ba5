import { randomFillSync } from 'node:crypto'
import type { Random } from '@sallyport/sans-io'

/** The operating system's entropy. */
export const nodeRandom: Random = out => {
  randomFillSync(out)
}
