import { seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { pickEphemeralPort } from './ephemeral-port.ts'

test('every port from 49152 to 65535 is found before there is none', () => {
  const used = new Set<number>()
  const random = seededRandom(1)
  for (let port = 65_535; port >= 49_153; port--) used.add(port)

  expect(pickEphemeralPort(random, used)).toBe(49_152)
  expect(pickEphemeralPort(random, used.add(49_152))).toBeUndefined()
})
