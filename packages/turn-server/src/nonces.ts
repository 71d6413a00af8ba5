import { type Random, randomBytes, type SocketAddress, toHex } from '@sallyport/sans-io'

/** How many requests a nonce is good for. */
export const NONCE_USES = 10_000

interface Nonce {
  readonly hex: string
  usesLeft: number
}

/**
 * The nonces that are in use (RFC 8489 §9.2): one for each client address, of no use from any other.
 *
 * Anybody can ask for one from any address that they forge, so the table is bounded: the nonce that was used the
 * longest time ago gives way, and whoever it belonged to gets another one with the next 438.
 */
export class Nonces {
  readonly #random: Random
  readonly #capacity: number
  readonly #byClient = new Map<string, Nonce>()

  constructor(random: Random, capacity: number) {
    this.#random = random
    this.#capacity = capacity
  }

  /** How many are in use. */
  get size(): number {
    return this.#byClient.size
  }

  /** Returns the nonce of `client`, which is made if it has none: text in the form of a UUID. */
  issue(client: SocketAddress): string {
    const known = this.#byClient.get(client.key)
    if (known !== undefined) return formatUuid(known.hex)
    const hex = toHex(randomBytes(this.#random, 16))
    this.#byClient.set(client.key, { hex, usesLeft: NONCE_USES })
    if (this.#byClient.size > this.#capacity) this.#byClient.delete(this.#byClient.keys().next().value!)
    return formatUuid(hex)
  }

  /** Uses up one use of a nonce, given as 32 hexadecimal digits. Returns whether `client` had one left. */
  spend(client: SocketAddress, hex: string): boolean {
    const nonce = this.#byClient.get(client.key)
    if (nonce?.hex !== hex) return false
    this.#byClient.delete(client.key) // to the end, where the recently used ones are
    if (nonce.usesLeft-- === 0) return false
    this.#byClient.set(client.key, nonce)
    return true
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
