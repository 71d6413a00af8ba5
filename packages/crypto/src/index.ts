/**
 * The crypto ports of the floor, implemented on @noble: runs wherever JavaScript does.
 *
 * @packageDocumentation
 */
export { portableCrypto } from './portable-crypto.ts'
