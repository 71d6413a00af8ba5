import type { Datagram, DataPlane, IpFamily, PacketBuffer, SansIo, Transmit } from '@sallyport/sans-io'
import { monotonicNow } from '../clock.ts'
import type { TunDevice } from '../tun/tun-device.ts'
import type { UdpSocket } from '../udp/udp-socket.ts'
import { driveOnNode } from './drive-on-node.ts'
import { BATCH_PACKETS, createPacketMemory } from './packet-memory.ts'

/** What {@link runDataPlane} puts together. */
export interface DataPlaneParts<Event> {
  /** The machine: control as `SansIo`, packets as `DataPlane`. */
  readonly machine: SansIo<Datagram, Transmit, Event> & DataPlane
  readonly tun: TunDevice
  /** At most one of each family. */
  readonly sockets: readonly UdpSocket[]
  /** Learns what the machine has to tell, in an ordinary turn of the event loop. May command the machine. */
  onEvent(event: Event): void
  /** The longest packet in bytes; 1280 if left out. */
  readonly mtu?: number
}

/** A packet path at work. */
export interface RunningDataPlane {
  /** Drains the machine: to be called after every command that is given to it outside of `onEvent`. */
  drain(): void
  /** Takes other sockets, after roaming: those that were used so far are closed. */
  replaceSockets(sockets: readonly UdpSocket[]): void
  /** Ends it, and closes the device and the sockets. What the machine still had to send is sent before. */
  stop(): void
}

/**
 * Runs a machine between a TUN device and UDP sockets, until it is stopped.
 *
 * Each wake-up reads batches, hands them through the machine and flushes, a bounded number of times; then the machine's
 * control plane is drained, and everybody else has a turn.
 */
export function runDataPlane<Event>(parts: DataPlaneParts<Event>): RunningDataPlane {
  const { machine, tun } = parts
  const { trains, outgoing, incoming, packets } = createPacketMemory(parts.mtu ?? DEFAULT_MTU)
  let sockets: readonly UdpSocket[] = []
  let isStopped = false

  const socketFor = (family: IpFamily): UdpSocket | undefined => sockets.find(socket => socket.family === family)
  /** Writes what the machine itself has for the device. Nobody else uses `packets` at that moment. */
  const writeOwnPackets = (): void => {
    packets.clear()
    for (let packet = machine.pollPacket?.(); packet !== undefined; packet = machine.pollPacket?.()) {
      if (packets.free === 0) {
        tun.write(packets)
        packets.clear()
      }
      packets.appendCopy(packet)
    }
    if (packets.count > 0) tun.write(packets)
  }
  const control: SansIo<Datagram, Transmit, Event> = {
    handleInput: (datagram, now) => machine.handleInput(datagram, now),
    handleTimeout: now => machine.handleTimeout(now),
    pollEvent: () => machine.pollEvent(),
    pollTimeout: () => machine.pollTimeout(),
    pollTransmit() {
      const transmit = machine.pollTransmit()
      if (transmit === undefined && !isStopped) writeOwnPackets() // at the end of each drain, whatever has started it
      return transmit
    },
  }
  const driven = driveOnNode<Datagram, Transmit, Event>(control, {
    send: transmit => socketFor(transmit.remote.family)?.sendOne(transmit),
    onEvent: event => parts.onEvent(event),
  })

  const fromTun = (): void => {
    if (isStopped) return
    for (let round = 0, more = true; more && round < ROUNDS; round++) {
      trains.clear()
      outgoing.clear()
      for (let expected = 0; expected < BATCH_PACKETS && (more = tun.read(trains)); ) expected += packetsOfLast(trains) // trains differ by a factor of a hundred in what they stand for
      if (trains.count === 0) break
      machine.sendTrains(trains, outgoing, monotonicNow())
      sendByFamily(outgoing, socketFor)
    }
    driven.drain()
  }

  const fromSocket = (socket: UdpSocket): void => {
    if (isStopped) return
    for (let round = 0, more = true; more && round < ROUNDS; round++) {
      incoming.clear()
      packets.clear()
      for (let expected = 0; expected < BATCH_PACKETS && (more = socket.receive(incoming)); )
        expected += packetsOfLast(incoming)
      if (incoming.count === 0) break
      machine.receiveDatagrams(incoming, packets, monotonicNow())
      if (packets.count > 0) tun.write(packets)
    }
    driven.drain()
  }

  const replaceSockets = (replacement: readonly UdpSocket[]): void => {
    for (const socket of sockets) socket.close()
    sockets = replacement
    for (const socket of sockets) socket.watch(() => fromSocket(socket))
  }

  replaceSockets(parts.sockets)
  tun.watch(fromTun)
  driven.drain()
  return {
    drain: () => driven.drain(),
    replaceSockets,
    stop() {
      if (isStopped) return
      driven.drain()
      isStopped = true
      driven.stop()
      replaceSockets([])
      tun.close()
    },
  }
}

/** How many batches one wake-up handles at most, before others have their turn. */
const ROUNDS = 8

const DEFAULT_MTU = 1280

/** Returns how many packets the last entry stands for, about; 0 if the read brought none. */
function packetsOfLast(buffer: PacketBuffer): number {
  const last = buffer.count - 1
  if (last < 0) return 0
  const size = buffer.segmentSize[last]!
  return size === 0 ? 1 : Math.ceil(buffer.length[last]! / size)
}

/** Sends runs of entries with addresses of one family through that family's socket. */
function sendByFamily(datagrams: PacketBuffer, socketFor: (family: IpFamily) => UdpSocket | undefined): void {
  const { count, remote } = datagrams
  for (let from = 0; from < count; ) {
    const family = remote[from]!.family
    let to = from + 1
    while (to < count && remote[to]!.family === family) to++
    socketFor(family)?.send(datagrams, from, to)
    from = to
  }
}
