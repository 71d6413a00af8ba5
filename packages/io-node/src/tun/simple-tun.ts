import { read, writeSync } from 'node:fs'
import { TrainCutter, TrainPacker } from '@sallyport/ip-packet'
import { Arena, type PacketBuffer } from '@sallyport/sans-io'
import { type Libc, libc } from '../native/libc.ts'
import { removeLink } from '../net/link.ts'
import { nextRead } from '../region.ts'
import { openTunDescriptor, type TunDescriptor } from './open-descriptor.ts'
import { noTunStatistics, type TunDevice, type TunOptions, type TunStatistics } from './tun-device.ts'

/** Opens a device that is read and written through `node:fs`. Throws a `TunError`. */
export function openSimpleTun(options: TunOptions): TunDevice {
  const c = libc()!
  return new SimpleTun(c, openTunDescriptor(c, options.name ?? 'tun%d', 0, 0))
}

class SimpleTun implements TunDevice {
  readonly kind = 'simple'
  readonly name: string
  readonly index: number
  readonly takesUdpTrains = true
  readonly statistics: TunStatistics = noTunStatistics()
  readonly #c: Libc
  readonly #fd: number
  /** Where the one outstanding read goes: several would bring packets out of order. */
  readonly #incoming = new Uint8Array(LONGEST_PACKET)
  /** Bytes of the packet that was read and not yet fetched. */
  #waiting = 0
  readonly #packer = new TrainPacker()
  readonly #cutter = new TrainCutter()
  /** Where a train is put together before it is cut: its head's headers hold for all of it. */
  readonly #train = Arena.ofLength(LONGEST_PACKET)
  #onReadable: (() => void) | undefined
  #isReading = false
  #isOpen = true

  constructor(c: Libc, { fd, name, index }: TunDescriptor) {
    this.#c = c
    this.#fd = fd
    this.name = name
    this.index = index
    process.once('exit', this.#atExit) // a read that waits in libuv's thread pool would keep the process from ending
  }

  watch(onReadable: () => void): void {
    if (this.#onReadable !== undefined) throw new Error('this device is watched already')
    this.#onReadable = onReadable
    this.#startReading()
  }

  read(into: PacketBuffer): boolean {
    const length = this.#waiting
    const at = nextRead(into)
    if (length === 0 || at < 0) return false
    into.arena.bytes.set(this.#incoming.subarray(0, length), at)
    into.append(at, length)
    this.#waiting = 0
    this.statistics.read++
    this.#startReading()
    return false
  }

  write(packets: PacketBuffer, from = 0, to: number = packets.count): void {
    if (!this.#isOpen) return
    for (let i = from; i < to; i++) {
      const count = packets.segments[i]!
      if (count === 1) this.#writePacket(packets.arena.bytes, packets.offset[i]!, packets.length[i]!)
      else if (count > 1) this.#writeTrain(packets, i)
    }
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.off('exit', this.#atExit)
    removeLink(this.index) // ends the outstanding read, which would hold the device otherwise
    if (!this.#isReading) this.#c.close(this.#fd)
  }

  readonly #atExit = (): void => this.close()

  #startReading(): void {
    if (this.#isReading || !this.#isOpen || this.#waiting > 0) return
    this.#isReading = true
    read(this.#fd, this.#incoming, 0, this.#incoming.length, null, (error, length) => {
      this.#isReading = false
      if (!this.#isOpen || error !== null) {
        this.#c.close(this.#fd)
        return
      }
      const version = this.#incoming[0]! >> 4
      if (length === 0 || (version !== 4 && version !== 6)) {
        this.statistics.readDropped++
        this.#startReading()
        return
      }
      this.#waiting = length
      this.#onReadable?.()
    })
  }

  #writeTrain(packets: PacketBuffer, head: number): void {
    const packer = this.#packer
    packer.pack(packets, head)
    const { bytes } = this.#train
    let end = 0
    for (let i = head; i < head + packets.segments[head]!; i++) {
      const skip = i === head ? 0 : packer.headerLength
      const from = packets.offset[i]! + skip
      const to = packets.offset[i]! + packets.length[i]!
      bytes.set(packets.arena.bytes.subarray(from, to), end)
      end += to - from
    }
    if (this.#cutter.begin(this.#train, 0, end, packer.segmentSize, 0) !== undefined) {
      this.statistics.writeFailed += packets.segments[head]!
      return
    }
    while (this.#cutter.next()) this.#writePacket(bytes, this.#cutter.segmentOffset, this.#cutter.segmentLength)
  }

  #writePacket(bytes: Uint8Array, offset: number, length: number): void {
    this.statistics.writeCalls++
    try {
      writeSync(this.#fd, bytes, offset, length)
      this.statistics.written++
    } catch {
      this.statistics.writeFailed++
    }
  }
}

const LONGEST_PACKET = 65_535
