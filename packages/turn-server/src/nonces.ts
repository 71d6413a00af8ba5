import {
  concatBytes,
  elapsed,
  equalBytes,
  fromHex,
  type Instant,
  type Millis,
  minutes,
  type Random,
  randomBytes,
  type SocketAddress,
  type StunCrypto,
  toHex,
  viewOf,
} from '@sallyport/sans-io'

/** How long a nonce is good for, however often it is used. */
export const NONCE_LIFETIME: Millis = minutes(60)

/**
 * Nonces that nobody has to remember (RFC 8489 §9.2, §16.1.1): each tells when it was made, and proves that we made it
 * for that address.
 *
 * ```
 *  seconds since the start (32) | HMAC-SHA256(our key, seconds | port | address), the first 96 bits
 * ```
 *
 * Anybody can ask for nonces from any address that they forge; it takes no memory. Firezone's relays write theirs as
 * UUIDs, and so do we.
 */
export class Nonces {
  readonly #key: Uint8Array
  readonly #crypto: StunCrypto
  readonly #epoch: Instant

  /** @param epoch - An instant that isn't later than any other. */
  constructor(random: Random, crypto: StunCrypto, epoch: Instant) {
    this.#key = randomBytes(random, 32)
    this.#crypto = crypto
    this.#epoch = epoch
  }

  /** Returns a nonce for `client`: text in the form of a UUID. */
  issue(client: SocketAddress, now: Instant): string {
    const madeAt = Math.floor(elapsed(this.#epoch, now) / 1000)
    return formatUuid(toHex(this.#nonce(client, madeAt)))
  }

  /** Returns whether a nonce, given as 32 hexadecimal digits, was made for `client` and isn't too old. */
  isFresh(client: SocketAddress, hex: string, now: Instant): boolean {
    const nonce = fromHex(hex)
    const madeAt = viewOf(nonce).getUint32(0)
    const age = elapsed(this.#epoch, now) - madeAt * 1000
    return age >= 0 && age < NONCE_LIFETIME && equalBytes(nonce, this.#nonce(client, madeAt))
  }

  #nonce({ ip, port }: SocketAddress, madeAt: number): Uint8Array {
    const head = new Uint8Array(6)
    const view = viewOf(head)
    view.setUint32(0, madeAt)
    view.setUint16(4, port)
    const proof = this.#crypto.hmacSha256(this.#key, concatBytes(head, ip.bytes))
    return concatBytes(head.subarray(0, 4), proof.subarray(0, 12))
  }
}

const UUID = /^(?:urn:uuid:)?(\{?)([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{12})(\}?)$/i

/** Returns the 32 lower-case hexadecimal digits of a UUID in any of its notations, or `undefined` if `text` is none. */
export function parseUuid(text: string): string | undefined {
  const match = UUID.exec(text)
  if (match === null || (match[1] === '{') !== (match[8] === '}')) return undefined
  return `${match[2]}${match[4]}${match[5]}${match[6]}${match[7]}`.toLowerCase()
}

const formatUuid = (hex: string): string =>
  [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
