import { type Random, randomBelow } from '@sallyport/sans-io'

/** Returns a random ephemeral port (RFC 6335 §6, RFC 6056 §3.3.1) that isn't used, or `undefined` if all are. */
export function pickEphemeralPort(random: Random, used: ReadonlySet<number>): number | undefined {
  const start = randomBelow(random, COUNT)
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + ((start + i) % COUNT)
    if (!used.has(port)) return port
  }
  return undefined
}

const FIRST = 49_152
const COUNT = 16_384
