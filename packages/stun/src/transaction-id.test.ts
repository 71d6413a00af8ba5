import { seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { newTransactionId, transactionKey } from './transaction-id.ts'

test('transaction ids are 12 random bytes, and their keys are equal exactly when they are', () => {
  const random = seededRandom(1)
  const [first, second] = [newTransactionId(random), newTransactionId(random)]

  expect(first).toHaveLength(12)
  expect(transactionKey(first)).toBe(transactionKey(first.slice()))
  expect(transactionKey(first)).not.toBe(transactionKey(second))
})
