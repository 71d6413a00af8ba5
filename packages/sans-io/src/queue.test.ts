import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BoundedQueue } from './queue.ts'

test('items leave in the order in which they came', () => {
  const queue = new BoundedQueue<number>(10)
  for (const n of [1, 2, 3]) queue.push(n)

  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([1, 2, 3, undefined])
})

test('a full queue refuses the newest', () => {
  const queue = new BoundedQueue<number>(2)

  expect([1, 2, 3].map(n => queue.push(n))).toEqual([true, true, false])
  expect(drain(queue)).toEqual([1, 2])
  expect(queue.dropped).toBe(1)
})

test('a full ring gives up the oldest', () => {
  const queue = new BoundedQueue<number>(2, 'drop-oldest')

  expect([1, 2, 3].map(n => queue.push(n))).toEqual([true, true, false])
  expect(drain(queue)).toEqual([2, 3])
  expect(queue.dropped).toBe(1)
})

test('a cleared queue is empty', () => {
  const queue = new BoundedQueue<number>(2)
  queue.push(1)
  queue.clear()

  expect(queue.length).toBe(0)
  expect(queue.shift()).toBeUndefined()
})

test('whatever is pushed and taken, it behaves like a bounded array', () => {
  const operation = fc.oneof(fc.constant('shift' as const), fc.integer())
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(operation, { maxLength: 1000 }), (capacity, operations) => {
      const queue = new BoundedQueue<number>(capacity, 'drop-oldest')
      const model: number[] = []
      for (const step of operations) {
        if (step === 'shift') expect(queue.shift()).toBe(model.shift())
        else {
          queue.push(step)
          model.push(step)
          if (model.length > capacity) model.shift()
        }
        expect(queue.length).toBe(model.length)
      }
    }),
  )
})

function drain(queue: BoundedQueue<number>): number[] {
  const items: number[] = []
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item)
  return items
}
