/**
 * The floor of Sallyport: what every sans-IO machine stands on. Depends on nothing.
 *
 * @packageDocumentation
 */
export { IpAddress, type IpFamily, SocketAddress } from './address.ts'
export { type Brand, unreachable } from './brand.ts'
export {
  concatBytes,
  copyBytes,
  equalBytes,
  fromHex,
  parseBase64,
  parseUtf8,
  toBase64,
  toHex,
  utf8,
  viewOf,
} from './bytes.ts'
export {
  CIPHER_SCRATCH_AFTER,
  CIPHER_SCRATCH_BEFORE,
  type Crypto,
  type MessageAead,
  type StunCrypto,
  TAG_LENGTH,
  type TransportCipher,
  type TransportKey,
  type WireguardCrypto,
  type X25519,
  type X25519PrivateKey,
} from './crypto.ts'
export type { DataPlane } from './data-plane.ts'
export type { Datagram, Transmit } from './datagram.ts'
export { type Drive, drive, type Outside } from './drive.ts'
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export type { SansIo } from './machine.ts'
export { Arena, CHECKSUM_PENDING, PacketBuffer, type PacketBufferLayout } from './packet-buffer.ts'
export { BoundedQueue } from './queue.ts'
export { type Random, randomBelow, randomBytes, randomElement, seededRandom } from './random.ts'
export {
  add,
  earliest,
  elapsed,
  type Instant,
  type Millis,
  millis,
  minutes,
  seconds,
  type WallClock,
} from './time.ts'
export { TimerTable } from './timer-table.ts'
