import fc from 'fast-check'
import { describe, test } from 'vitest'
import { properties } from './properties.ts'

/**
 * Always the same worlds, so that a failure tells of a change and not of luck; `npm run soak -- connectivity` looks
 * into others.
 */
const PARAMETERS = { numRuns: 1000, seed: 1, includeErrorInReport: true }

describe('in any internet', () => {
  test('without losses two peers connect in time, agree on the most direct path, and get each packet once', () => {
    fc.assert(properties.lossless, PARAMETERS)
  }, 180_000)

  test('with losses two peers connect before too long, and get no packet twice', () => {
    fc.assert(properties.lossy, PARAMETERS)
  }, 180_000)
})
