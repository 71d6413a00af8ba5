import { IpAddress, SocketAddress } from '@sallyport/sans-io'

/** The addresses that a client has named lately, so that one that it names again makes no object. */
export class KnownPeers {
  readonly #addresses: (SocketAddress | undefined)[] = []

  /** Returns the address of the `length` bytes (4 or 16) at the start of `bytes`, and `port`. */
  find(bytes: Uint8Array, length: number, port: number): SocketAddress {
    const slot = (port ^ bytes[length - 1]! ^ (bytes[length - 2]! << 1)) & (SLOTS - 1)
    const known = this.#addresses[slot]
    if (known !== undefined && known.port === port && isEqual(known.ip.bytes, bytes, length)) return known
    const address = new SocketAddress(IpAddress.fromBytes(bytes.subarray(0, length)), port)
    this.#addresses[slot] = address
    return address
  }
}

/** A newcomer takes the place of whoever has its slot. */
const SLOTS = 8

function isEqual(known: Uint8Array, bytes: Uint8Array, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== bytes[i]) return false
  return true
}
