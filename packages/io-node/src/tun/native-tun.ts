import { GSO_NONE, TrainPacker } from '@sallyport/ip-packet'
import { CHECKSUM_PENDING, type PacketBuffer } from '@sallyport/sans-io'
import { addressOfArena } from '../native/arena-address.ts'
import { type Libc, libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { IOVEC_LENGTH, writeIovec } from '../native/message.ts'
import { type Watch, watchReadable } from '../native/watch.ts'
import { nextRead } from '../region.ts'
import { IFF_VNET_HDR, O_NONBLOCK, openTunDescriptor, type TunDescriptor } from './open-descriptor.ts'
import { noTunStatistics, type TunDevice, type TunOptions, type TunStatistics } from './tun-device.ts'

/** Opens a native device, or returns `undefined` where the kernel has no offloads for it. Throws a `TunError`. */
export function openNativeTun(options: TunOptions): TunDevice | undefined {
  const c = libc()!
  const descriptor = openTunDescriptor(c, options.name ?? 'tun%d', IFF_VNET_HDR, O_NONBLOCK)
  const offload = (features: number): boolean => c.ioctl(descriptor.fd, TUNSETOFFLOAD, features) === 0
  const takesUdpTrains = offload(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6) // Linux 6.2
  if (!takesUdpTrains && !offload(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)) {
    c.close(descriptor.fd)
    return undefined
  }
  return new NativeTun({ ...descriptor, kind: 'native', takesUdpTrains })
}

/** What a {@link NativeTun} works on, and what is special about it. */
export interface NativeTunParts extends TunDescriptor {
  readonly kind: TunDevice['kind']
  readonly takesUdpTrains: boolean
  /** What lies between the virtio header and the packet as we write it, the EtherType last; nothing if left out. */
  readonly linkHeader?: Uint8Array
  /** What remains to be done when the descriptor has been closed. */
  readonly onClosed?: () => void
}

/**
 * A device that is read and written with a virtio network header in front of every packet, in host byte order:
 *
 * ```text
 * 0 flags │ 1 gso type │ 2 header length │ 4 segment size │ 6 checksum start │ 8 checksum offset │ 10 link header, if any
 * ```
 *
 * Lengths and starts in it count from the link header.
 */
export class NativeTun implements TunDevice {
  readonly kind: TunDevice['kind']
  readonly name: string
  readonly index: number
  readonly takesUdpTrains: boolean
  readonly statistics: TunStatistics = noTunStatistics()
  readonly #c: Libc
  readonly #read: Libc['read']
  readonly #writev: Libc['writev']
  readonly #fd: number
  readonly #linkLength: number
  /** Bytes in front of a packet. */
  readonly #prefix: number
  readonly #onClosed: (() => void) | undefined
  readonly #memory = new NativeMemory(IOVECS + MAX_IOVECS * IOVEC_LENGTH)
  readonly #packer = new TrainPacker()
  #watch: Watch | undefined
  #isOpen = true

  constructor({ fd, name, index, kind, takesUdpTrains, linkHeader, onClosed }: NativeTunParts) {
    const c = libc()!
    this.#c = c
    this.#read = c.read
    this.#writev = c.writev
    this.#fd = fd
    this.#linkLength = linkHeader?.length ?? 0
    this.#prefix = VIRTIO_HEADER_LENGTH + this.#linkLength
    this.#onClosed = onClosed
    this.kind = kind
    this.name = name
    this.index = index
    this.takesUdpTrains = takesUdpTrains
    if (linkHeader !== undefined) this.#memory.bytes.set(linkHeader, VIRTIO_HEADER_LENGTH)
    writeIovec(this.#memory, IOVECS, this.#memory.address, this.#prefix)
  }

  watch(onReadable: () => void): void {
    if (this.#watch !== undefined) throw new Error('this device is watched already')
    this.#watch = watchReadable(this.#fd, onReadable)
  }

  read(into: PacketBuffer): boolean {
    const at = nextRead(into)
    if (at < 0 || !this.#isOpen) return false
    const prefix = this.#prefix
    const start = at - prefix
    const got = this.#read(this.#fd, addressOfArena(into.arena) + start, prefix + LONGEST_PACKET)
    if (got < 0) return false
    const { view, bytes } = into.arena
    if (got <= prefix || !this.#isPacket(view, at)) {
      this.statistics.readDropped++
      return true
    }
    this.statistics.read++
    const index = into.append(at, got - prefix)
    if ((bytes[start + 1]! & ~GSO_ECN) !== GSO_NONE) into.segmentSize[index] = view.getUint16(start + 4, true)
    if ((bytes[start]! & NEEDS_CHECKSUM) !== 0) into.flags[index] = CHECKSUM_PENDING
    return true
  }

  /** Whether the bytes at `at` are IP, by their version and what the link header says, if there is one. */
  #isPacket(view: DataView, at: number): boolean {
    const version = view.getUint8(at) >> 4
    if (this.#linkLength === 0) return version === 4 || version === 6
    return view.getUint16(at - 2) === (version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6)
  }

  write(packets: PacketBuffer, from = 0, to: number = packets.count): void {
    if (!this.#isOpen) return
    for (let i = from; i < to; i++) if (packets.segments[i]! > 0) this.#writeTrain(packets, i)
  }

  #writeTrain(packets: PacketBuffer, head: number): void {
    const { view } = this.#memory
    const packer = this.#packer
    const link = this.#linkLength
    const count = packets.segments[head]!
    if (count > 1) {
      packer.pack(packets, head)
      view.setUint8(0, NEEDS_CHECKSUM) // the kernel believes us: what we write has been authenticated
      view.setUint8(1, packer.gsoType)
      view.setUint16(2, link + packer.headerLength, true)
      view.setUint16(4, packer.segmentSize, true)
      view.setUint16(6, link + packer.checksumStart, true)
      view.setUint16(8, packer.checksumOffset, true)
    } else {
      view.setUint32(0, 0)
      view.setUint32(4, 0)
      view.setUint16(8, 0)
    }
    if (link > 0) {
      const version = packets.arena.bytes[packets.offset[head]!]! >> 4
      view.setUint16(this.#prefix - 2, version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6)
    }
    const base = addressOfArena(packets.arena)
    const skip = packer.headerLength
    let iovec = IOVECS + IOVEC_LENGTH
    writeIovec(this.#memory, iovec, base + packets.offset[head]!, packets.length[head]!)
    for (let i = head + 1; i < head + count; i++) {
      iovec += IOVEC_LENGTH
      writeIovec(this.#memory, iovec, base + packets.offset[i]! + skip, packets.length[i]! - skip)
    }
    this.statistics.writeCalls++
    const done = this.#writev(this.#fd, this.#memory.address + IOVECS, count + 1)
    if (done < 0) this.statistics.writeFailed += count
    else this.statistics.written += count
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#watch?.close()
    this.#c.close(this.#fd)
    this.#onClosed?.()
  }
}

const VIRTIO_HEADER_LENGTH = 10
const NEEDS_CHECKSUM = 1
/** Set beside the type where segments carry congestion marks. */
const GSO_ECN = 0x80
const LONGEST_PACKET = 65_535
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd

/** Layout of the memory: a virtio and a link header, then iovecs for them and a train. */
const IOVECS = 32
const MAX_IOVECS = 256

const TUNSETOFFLOAD = 0x400454d0
const TUN_F_CSUM = 1
const TUN_F_TSO4 = 2
const TUN_F_TSO6 = 4
const TUN_F_USO4 = 0x20
const TUN_F_USO6 = 0x40
