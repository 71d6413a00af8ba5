/**
 * Sallyport machines on Node.js: what touches the machine it runs on.
 *
 * @packageDocumentation
 */
export { calendarNow, monotonicNow, wallClock } from './clock.ts'
export { type NodeCryptoOptions, nodeCrypto } from './crypto/node-crypto.ts'
export type { CipherName } from './crypto/pick-cipher.ts'
export { createArena } from './kernel/kernel.ts'
export { nodeRandom } from './random.ts'
export * from './websocket/index.ts'
