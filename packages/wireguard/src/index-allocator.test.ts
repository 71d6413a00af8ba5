import { seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { IndexAllocator, IndicesExhaustedError, nextState } from './index-allocator.ts'

test('the register visits all 2^24 − 1 states but zero before the first comes again', () => {
  let period = 1
  let or = 1
  for (let state = nextState(1); state !== 1; state = nextState(state)) {
    or |= state
    period++
  }

  expect({ period, or }).toEqual({ period: 2 ** 24 - 1, or: 2 ** 24 - 1 })
})

test('indices are unique and have 24 bits', () => {
  const allocator = new IndexAllocator(seededRandom(1))
  const indices = Array.from({ length: 10_000 }, () => allocator.allocate())

  expect(new Set(indices).size).toBe(10_000)
  expect(indices.every(index => index >= 0 && index < 2 ** 24)).toBe(true)
})

test('tells a stranger neither where it began nor what comes next', () => {
  const starts = new Set([1, 2, 3, 4, 5].map(seed => new IndexAllocator(seededRandom(seed)).allocate()))

  expect(starts.size).toBe(5)
})

test('skips what is in use when it comes round', () => {
  const allocator = new IndexAllocator(seededRandom(1))
  const kept = allocator.allocate()
  const second = next(allocator)
  while (next(allocator) !== second);

  expect(allocator.allocate()).not.toBe(kept)
})

test('has a name for running out', () => {
  expect(new IndicesExhaustedError()).toMatchObject({ code: 'WIREGUARD_INDICES_EXHAUSTED' })
})

/** The next index, given back at once. */
function next(allocator: IndexAllocator): number {
  const index = allocator.allocate()
  allocator.release(index)
  return index
}
