import type { Instant } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeadlineHeap, type Timed } from './deadline-heap.ts'

test('whatever is set, moved and removed, the earliest is always next', () => {
  const step = fc.record({ item: fc.nat(20), at: fc.option(fc.nat(100), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const heap = new DeadlineHeap<Timed>()
      const items = Array.from({ length: 21 }, () => ({ deadline: 0 as Instant, heapIndex: -1 }))
      const model = new Map<number, number>()
      for (const { item, at } of steps) {
        if (at === undefined) {
          heap.remove(items[item]!)
          model.delete(item)
        } else {
          heap.set(items[item]!, at as Instant)
          model.set(item, at)
        }
        expect(heap.next).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
      }
      const order: number[] = []
      for (let due = heap.due(1_000 as Instant); due !== undefined; due = heap.due(1_000 as Instant)) {
        order.push(due.deadline)
        heap.remove(due)
      }
      expect(order).toEqual([...model.values()].sort((a, b) => a - b))
    }),
  )
})

test('nothing is due before its time', () => {
  const heap = new DeadlineHeap<Timed>()
  const item = { deadline: 0 as Instant, heapIndex: -1 }
  heap.set(item, 10 as Instant)

  expect(heap.due(9 as Instant)).toBeUndefined()
  expect(heap.due(10 as Instant)).toBe(item)
})
