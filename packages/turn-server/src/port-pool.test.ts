import { seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { PortPool } from './port-pool.ts'

test('with a generator of zeros, the first port is the lowest', () => {
  expect(new PortPool(49_152, 65_535, out => out.fill(0)).take()).toBe(49_152)
})

test('every port is taken once, and none after that', () => {
  const pool = new PortPool(50_000, 50_099, seededRandom(1))
  const ports = Array.from({ length: 100 }, () => pool.take()!)

  expect([...ports].sort()).toEqual(Array.from({ length: 100 }, (_, i) => 50_000 + i))
  expect(ports).not.toEqual([...ports].sort())
  expect(pool.take()).toBeUndefined()
  expect(pool.free).toBe(0)
})

test('a port that is given back can be taken again', () => {
  const pool = new PortPool(1, 3, seededRandom(1))
  for (let i = 0; i < 3; i++) pool.take()
  pool.release(2)

  expect(pool.take()).toBe(2)
})

test('a port that was not taken cannot be given back', () => {
  const pool = new PortPool(1, 3, seededRandom(1))

  expect(() => pool.release(2)).toThrow('port 2 was not taken')
})

test('a range that holds no ports is our caller’s mistake', () => {
  for (const [lowest, highest] of [
    [2, 1],
    [0, 1],
    [1, 65_536],
    [Number.NaN, 1],
  ] as const)
    expect(() => new PortPool(lowest, highest, seededRandom(1))).toThrow(RangeError)
})
