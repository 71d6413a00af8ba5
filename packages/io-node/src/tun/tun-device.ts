import type { PacketBuffer } from '@sallyport/sans-io'

/** What a device has done since it was opened: plain numbers that a collector may read at any time. */
export interface TunStatistics {
  /** Trains (or plain packets) that were read. */
  read: number
  /** What was read and dropped: no IP packet. */
  readDropped: number
  /** Packets that were written, those of trains counted one by one. */
  written: number
  /** Calls that wrote them. */
  writeCalls: number
  /** Packets that the kernel refused: malformed, or the link is down. */
  writeFailed: number
}

/** How to open a {@link TunDevice}. */
export interface TunOptions {
  /** Its name, at most 15 bytes; a `%d` becomes a free number. `tun%d` if left out. */
  readonly name?: string
}

/**
 * A layer-3 network device whose other end we are.
 *
 * The native one reads and writes trains (TSO, USO and checksum offload by virtio headers); so does the `veth` one, which
 * does without `/dev/net/tun`; the simple one reads and writes packet by packet through `node:fs`. Apart from that they
 * behave alike.
 */
export interface TunDevice {
  readonly kind: 'native' | 'veth' | 'simple'
  /** Its name in the system. */
  readonly name: string
  /** Its number in the system. */
  readonly index: number
  /** Whether UDP trains may be written too (USO); TCP trains always may. */
  readonly takesUdpTrains: boolean
  readonly statistics: Readonly<TunStatistics>
  /**
   * Calls `onReadable` whenever packets wait; it is called again while some are left. To be called once.
   *
   * With all but the simple device the callback is for the packet path only: see {@link Later}.
   */
  watch(onReadable: () => void): void
  /**
   * Reads once: appends one train or plain packet.
   *
   * Entries lie behind one another in the buffer's memory, which must have room for one of 64 KiB, with at least
   * {@link TUN_HEADROOM} bytes of headroom.
   *
   * @returns whether there may be more: false when nothing waits or the buffer is full.
   */
  read(into: PacketBuffer): boolean
  /**
   * Writes the entries from `from` to `to - 1`, each train with one call. Entries with `segments` 0 are skipped.
   *
   * The bytes are borrowed, but heads of trains are rewritten.
   */
  write(packets: PacketBuffer, from?: number, to?: number): void
  /** Closes it, which removes the device with its addresses and routes. Nothing is called back from then on. */
  close(): void
}

/** Bytes in front of a packet that {@link TunDevice.read} needs: a virtio header and an Ethernet header. */
export const TUN_HEADROOM = 24

/** Makes statistics that are all zero. */
export const noTunStatistics = (): TunStatistics => ({
  read: 0,
  readDropped: 0,
  written: 0,
  writeCalls: 0,
  writeFailed: 0,
})
