import { PacketHeader, TCP, TCP_ACK, TCP_SYN } from '@sallyport/ip-packet'
import { copyBytes } from '@sallyport/sans-io'

/**
 * Packets that wait for a connection: no two alike, the oldest gives way when full.
 *
 * A TCP SYN that is sent again replaces the first in place, so that only its newest timestamp option survives.
 */
export class UniquePackets {
  readonly #capacity: number
  readonly #packets: Uint8Array[] = []
  readonly #header = new PacketHeader()
  #dropped = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** How many packets wait. */
  get length(): number {
    return this.#packets.length
  }

  /** How many packets gave way to newer ones. */
  get dropped(): number {
    return this.#dropped
  }

  /** Keeps a copy of the `length` bytes at `offset`, which are one packet, unless it is there already. */
  push(bytes: Uint8Array, offset: number, length: number): void {
    const packet = bytes.subarray(offset, offset + length)
    const synKey = this.#synLength(packet)
    for (const [i, other] of this.#packets.entries()) {
      if (equal(packet, other, packet.length, other.length)) return
      if (synKey > 0 && this.#synLength(other) === synKey && sameSyn(packet, other, this.#header)) {
        this.#packets[i] = copyBytes(packet)
        return
      }
    }
    if (this.#packets.length >= this.#capacity) {
      this.#packets.shift()
      this.#dropped++
    }
    this.#packets.push(copyBytes(packet))
  }

  /** Takes all packets, oldest first. */
  takeAll(): Uint8Array[] {
    return this.#packets.splice(0)
  }

  /** Bytes of IP header and of ports with sequence number of a SYN without ACK; 0 for anything else. */
  #synLength(packet: Uint8Array): number {
    const header = this.#header
    if (header.parse(packet, 0, packet.length) !== undefined || header.protocol !== TCP) return 0
    return (header.tcpFlags & (TCP_SYN | TCP_ACK)) === TCP_SYN ? header.headerLength + 8 : 0
  }
}

/** Compares addresses, ports and sequence number; `header` is that of the second packet, the first one has an equal length. */
function sameSyn(a: Uint8Array, b: Uint8Array, header: PacketHeader): boolean {
  const { sourceOffset, addressLength, transportOffset } = header
  if (a[0] !== b[0]) return false
  for (let i = sourceOffset; i < sourceOffset + 2 * addressLength; i++) if (a[i] !== b[i]) return false
  for (let i = transportOffset; i < transportOffset + 8; i++) if (a[i] !== b[i]) return false
  return true
}

function equal(a: Uint8Array, b: Uint8Array, aLength: number, bLength: number): boolean {
  if (aLength !== bLength) return false
  for (let i = aLength - 1; i >= 0; i--) if (a[i] !== b[i]) return false // differences tend to be near the end
  return true
}
