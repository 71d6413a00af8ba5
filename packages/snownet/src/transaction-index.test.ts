import type { Instant } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { TRANSACTION_MEMORY, TransactionIndex } from './transaction-index.ts'

const at = (n: number): Instant => n as Instant

test('an asker is found for at least the time of memory, and forgotten after twice that', () => {
  const index = new TransactionIndex<string>()
  index.note('a', 'alice', at(0))
  index.note('b', 'bob', at(TRANSACTION_MEMORY - 1))
  index.note('c', 'carol', at(TRANSACTION_MEMORY))
  expect(['a', 'b', 'c', 'd'].map(id => index.find(id))).toEqual(['alice', 'bob', 'carol', undefined])

  index.note('d', 'dave', at(2 * TRANSACTION_MEMORY))
  expect(['a', 'b', 'c', 'd'].map(id => index.find(id))).toEqual([undefined, undefined, 'carol', 'dave'])
})

test('after a long silence nothing is left', () => {
  const index = new TransactionIndex<string>()
  index.note('a', 'alice', at(0))
  index.note('b', 'bob', at(10 * TRANSACTION_MEMORY))
  expect(index.find('a')).toBeUndefined()
  expect(index.find('b')).toBe('bob')
})
