import { type Brand, type Random, randomBytes, toHex } from '@sallyport/sans-io'
import { TRANSACTION_ID_LENGTH } from './message.ts'

/** A transaction id in a form that is equal exactly when the id is; made for `Map` keys. */
export type TransactionKey = Brand<string, 'TransactionKey'>

/** Returns a random transaction id. It is what a response is recognised by, so `random` has to be unpredictable. */
export function newTransactionId(random: Random): Uint8Array {
  return randomBytes(random, TRANSACTION_ID_LENGTH)
}

/** Returns the key of a transaction id. */
export function transactionKey(transactionId: Uint8Array): TransactionKey {
  return toHex(transactionId) as TransactionKey
}
