import {
  Arena,
  CIPHER_SCRATCH_AFTER,
  CIPHER_SCRATCH_BEFORE,
  copyBytes,
  type Instant,
  TAG_LENGTH,
} from '@sallyport/sans-io'
import { DATA_HEADER_LENGTH, type Tunnel } from '@sallyport/wireguard'

/** The largest packet that is sent one by one: those of the control protocol and those that waited for a path. */
const MAX_PACKET = 65_535
const AT = CIPHER_SCRATCH_BEFORE + DATA_HEADER_LENGTH

/** A place where single packets are sealed: for what doesn't come from a TUN device in a batch. */
export class SealingBench {
  readonly #arena = Arena.ofLength(AT + MAX_PACKET + Math.max(CIPHER_SCRATCH_AFTER, TAG_LENGTH))

  /**
   * Returns the datagram for `packet`, which belongs to the caller; `undefined` when it has to wait in the tunnel.
   */
  seal(tunnel: Tunnel, packet: Uint8Array, now: Instant): Uint8Array | undefined {
    if (packet.length > MAX_PACKET) return undefined
    this.#arena.bytes.set(packet, AT)
    const length = tunnel.seal(this.#arena, AT, packet.length, AT, now)
    if (length > 0)
      return copyBytes(this.#arena.bytes.subarray(AT - DATA_HEADER_LENGTH, AT - DATA_HEADER_LENGTH + length))
    tunnel.queuePacket(copyBytes(packet))
    return undefined
  }
}
