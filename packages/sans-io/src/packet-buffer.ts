import type { SocketAddress } from './address.ts'

/**
 * Memory that packets live in while they cross the house: never moved, never grown.
 *
 * Native code may know its address; therefore whoever works on an arena keeps a reference to this object.
 */
export class Arena {
  readonly bytes: Uint8Array
  /** Accessors over exactly {@link bytes}. */
  readonly view: DataView

  /** @param bytes - The memory. It must stay where it is: no `resize`, no `transfer`, no `memory.grow`. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Makes an arena of `length` zero bytes in ordinary JavaScript memory. */
  static ofLength(length: number): Arena {
    return new Arena(new Uint8Array(length))
  }
}

/** How a {@link PacketBuffer} lies in its arena. */
export interface PacketBufferLayout {
  /** Where the first slot begins, absolute in the arena. */
  readonly start: number
  /** How many slots there are: the most entries that the buffer can hold. */
  readonly capacity: number
  /** Bytes from one slot to the next. */
  readonly stride: number
  /** Bytes that are left free at the start of each slot, for headers and as scratch space of ciphers. */
  readonly headroom: number
}

/** {@link PacketBuffer.flags}: the transport checksum holds only the pseudo-header's sum and must be completed. */
export const CHECKSUM_PENDING = 1

/**
 * A batch of packets, datagrams or trains: bytes in an arena, descriptions in columns. Made once and reused.
 *
 * Entries are numbered from 0 to {@link count}` - 1`. Usually entry `i` lies in slot `i`, at {@link slot}`(i)`, but an
 * entry may describe any bytes of the arena: a payload that lies inside a larger datagram isn't moved.
 *
 * What the columns mean depends on where the batch is on its way:
 *
 * | batch | entry | `segmentSize` | also used |
 * |---|---|---|---|
 * | trains, read from a TUN device | an IP packet, or a super-packet that stands for several | transport payload bytes of each packet but the last; 0: a plain packet | `flags` |
 * | datagrams to send | one UDP datagram | – | `local`, `remote`, `ecn`, `header*` |
 * | datagrams received | one UDP datagram, or several of one flow back to back | bytes of each datagram but the last; 0: just one | `local`, `remote`, `ecn` |
 * | packets for a TUN device | one IP packet | set on the head of a train | `peer`, `segments`, `ecn` |
 */
export class PacketBuffer {
  readonly arena: Arena
  readonly layout: PacketBufferLayout
  readonly capacity: number
  /** How many entries are in use. */
  count = 0
  /** Where an entry's bytes begin, absolute in the arena. */
  readonly offset: Int32Array
  /** How many bytes an entry has. */
  readonly length: Int32Array
  readonly segmentSize: Int32Array
  /** How many consecutive entries, from this one on, leave as one train; 0: this one is dropped or already counted. */
  readonly segments: Uint16Array
  /** Bit set: {@link CHECKSUM_PENDING}. */
  readonly flags: Uint8Array
  /** The two ECN bits of the outer IP header (RFC 3168). */
  readonly ecn: Uint8Array
  /** Who it is from: a small integer that the overlay has given to a connection; -1: nobody. */
  readonly peer: Int32Array
  /** Where bytes lie that go in front of the entry's own when it is sent; used where {@link headerLength} isn't 0. */
  readonly headerOffset: Int32Array
  readonly headerLength: Uint8Array
  /** Our own end of a datagram; `undefined` when sending: any. */
  readonly local: (SocketAddress | undefined)[]
  /** The far end of a datagram. */
  readonly remote: (SocketAddress | undefined)[]

  constructor(arena: Arena, layout: PacketBufferLayout) {
    const end = layout.start + layout.capacity * layout.stride
    if (layout.start < 0 || end > arena.bytes.length)
      throw new RangeError(`packet buffer ends at ${end}, beyond its arena`)
    if (layout.headroom >= layout.stride) throw new RangeError('no room behind the headroom of a slot')
    this.arena = arena
    this.layout = layout
    this.capacity = layout.capacity
    this.offset = new Int32Array(layout.capacity)
    this.length = new Int32Array(layout.capacity)
    this.segmentSize = new Int32Array(layout.capacity)
    this.segments = new Uint16Array(layout.capacity)
    this.flags = new Uint8Array(layout.capacity)
    this.ecn = new Uint8Array(layout.capacity)
    this.peer = new Int32Array(layout.capacity)
    this.headerOffset = new Int32Array(layout.capacity)
    this.headerLength = new Uint8Array(layout.capacity)
    this.local = new Array<SocketAddress | undefined>(layout.capacity).fill(undefined)
    this.remote = new Array<SocketAddress | undefined>(layout.capacity).fill(undefined)
  }

  /** Makes a buffer in an arena of its own, in ordinary JavaScript memory. */
  static alone(layout: Omit<PacketBufferLayout, 'start'>): PacketBuffer {
    return new PacketBuffer(Arena.ofLength(layout.capacity * layout.stride), { ...layout, start: 0 })
  }

  /** How many more entries fit. */
  get free(): number {
    return this.capacity - this.count
  }

  /** Returns where the bytes of slot `index` begin, behind its headroom. */
  slot(index: number): number {
    return this.layout.start + index * this.layout.stride + this.layout.headroom
  }

  /** How many bytes fit in a slot behind its headroom. */
  get room(): number {
    return this.layout.stride - this.layout.headroom
  }

  /**
   * Appends an entry for `length` bytes at `offset` with all other columns neutral, and returns its number.
   *
   * The caller makes sure that there is room ({@link free}).
   */
  append(offset: number, length: number): number {
    const index = this.count++
    this.offset[index] = offset
    this.length[index] = length
    this.segmentSize[index] = 0
    this.segments[index] = 1
    this.flags[index] = 0
    this.ecn[index] = 0
    this.peer[index] = -1
    this.headerLength[index] = 0
    this.local[index] = undefined
    this.remote[index] = undefined
    return index
  }

  /** Copies `bytes` to the next slot and appends an entry for them: convenient for tests and control packets. */
  appendCopy(bytes: Uint8Array): number {
    if (bytes.length > this.room)
      throw new RangeError(`${bytes.length} bytes don't fit in a slot with room for ${this.room}`)
    const offset = this.slot(this.count)
    this.arena.bytes.set(bytes, offset)
    return this.append(offset, bytes.length)
  }

  /** Returns a view of entry `index`: valid until the buffer is used again. */
  bytesOf(index: number): Uint8Array {
    const offset = this.offset[index]!
    return this.arena.bytes.subarray(offset, offset + this.length[index]!)
  }

  /** Forgets all entries. Bytes stay as they are. */
  clear(): void {
    this.count = 0
  }
}
