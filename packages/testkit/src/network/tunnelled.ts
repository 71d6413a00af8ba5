import {
  Arena,
  copyBytes,
  type Datagram,
  type DataPlane,
  type Drive,
  PacketBuffer,
  type SansIo,
  type Transmit,
} from '@sallyport/sans-io'
import type { BoundSocket, Host, RunOptions } from './host.ts'

/** How a machine with a packet path runs on a host. */
export interface TunnelledOptions<Event> extends RunOptions<Event> {
  /** Takes each packet for the TUN device; its bytes are the receiver's. `ecn`: as the outer header had it. */
  readonly onPacket?: (packet: Uint8Array, peer: number) => void
}

/** A machine with a packet path that runs on a host. */
export interface Tunnelled {
  /** Its loop: to be drained after each command that is given to the machine. */
  readonly drive: Drive<Datagram>
  readonly socket: BoundSocket
  /** Sends a packet as if it had been read from the TUN device. Returns how many datagrams left at once. */
  send(packet: Uint8Array, segmentSize?: number, flags?: number): number
  /** Stops the machine and frees the port. */
  stop(): void
}

const SLOTS = { capacity: 64, stride: 2048, headroom: 128 } as const
const TRAIN_STRIDE = 66_048

/**
 * Runs a machine with a packet path on `host`: what arrives goes through its data plane, one datagram at a time.
 *
 * This is what an app's event loop does, without its batching.
 */
export function runTunnelled<Event>(
  host: Host,
  machine: SansIo<Datagram, Transmit, Event> & DataPlane,
  options: TunnelledOptions<Event> = {},
): Tunnelled {
  // One memory for everything, as on a real machine: what is sealed or opened isn't copied.
  const size = SLOTS.capacity * SLOTS.stride
  const arena = Arena.ofLength(TRAIN_STRIDE + 3 * size)
  const trains = new PacketBuffer(arena, { start: 0, capacity: 1, stride: TRAIN_STRIDE, headroom: SLOTS.headroom })
  const [outgoing, incoming, packets] = [0, 1, 2].map(
    i => new PacketBuffer(arena, { ...SLOTS, start: TRAIN_STRIDE + i * size }),
  ) as [PacketBuffer, PacketBuffer, PacketBuffer]

  const socket = host.bind(options.port ?? 52_625, ({ local, remote, payload }, ecn) => {
    if (payload.length > incoming.room) return
    incoming.clear()
    const index = incoming.appendCopy(payload)
    incoming.local[index] = local
    incoming.remote[index] = remote
    incoming.ecn[index] = ecn
    packets.clear()
    machine.receiveDatagrams(incoming, packets, host.now)
    deliver()
    running.drain()
  })

  const deliver = (): void => {
    for (let head = 0; head < packets.count; head++)
      for (let left = packets.segments[head]!, i = head; left > 0; left--, i++)
        options.onPacket?.(copyBytes(packets.bytesOf(i)), packets.peer[i]!)
  }
  const running = host.drive(machine, socket, options.onEvent)
  return {
    drive: running,
    socket,
    send(packet, segmentSize = 0, flags = 0) {
      trains.clear()
      outgoing.clear()
      const index = trains.appendCopy(packet)
      trains.segmentSize[index] = segmentSize
      trains.flags[index] = flags
      machine.sendTrains(trains, outgoing, host.now)
      for (let i = 0; i < outgoing.count; i++) sendEntry(socket, outgoing, i)
      const sent = outgoing.count
      running.drain()
      return sent
    },
    stop() {
      running.stop()
      socket.close()
    },
  }
}

function sendEntry(socket: BoundSocket, datagrams: PacketBuffer, index: number): void {
  const remote = datagrams.remote[index]
  if (remote === undefined) throw new Error('a datagram without a destination')
  const header = datagrams.headerOffset[index]!
  const prefix = datagrams.arena.bytes.subarray(header, header + datagrams.headerLength[index]!)
  const body = datagrams.bytesOf(index)
  const payload = new Uint8Array(prefix.length + body.length)
  payload.set(prefix)
  payload.set(body, prefix.length)
  socket.send({ local: datagrams.local[index], remote, payload }, datagrams.ecn[index]!)
}
