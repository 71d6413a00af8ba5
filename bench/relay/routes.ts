import { setTimeout as sleep } from 'node:timers/promises'
import { driveOnNode, monotonicNow, nodeRandom, openUdpSocket } from '@sallyport/io-node'
import {
  Arena,
  type Crypto,
  type Datagram,
  IpAddress,
  PacketBuffer,
  SocketAddress,
  type Transmit,
} from '@sallyport/sans-io'
import { Allocation, type AllocationEvent, type TurnCredentials, type TurnDialect } from '@sallyport/turn-client'

type UdpSocket = Awaited<ReturnType<typeof openUdpSocket>>

/** With what a relay is used. */
export interface TurnUser extends TurnCredentials {
  readonly dialect: TurnDialect
}

/** One way through the relay: an allocation with a channel. */
interface Route {
  readonly socket: UdpSocket
  readonly channel: number
  /** Where the relay takes the client's datagrams. */
  readonly server: SocketAddress
  /** Where the relay takes the peer's. */
  readonly relayed: SocketAddress
}

/** Many ways through one relay, to one peer. */
export interface Routes {
  readonly all: readonly Route[]
  readonly peer: UdpSocket
  /** Gives the allocations back. */
  close(): Promise<void>
}

/** Makes allocations, each with a socket of its own and a channel to the one peer. */
export async function openRoutes(
  options: { readonly server: string; readonly peer: string; readonly user: TurnUser; readonly allocations: number },
  crypto: Crypto,
): Promise<Routes> {
  const address = IpAddress.of(options.peer)
  const peer = await openUdpSocket({ family: 4, address })
  const target = new SocketAddress(address, peer.port)
  const all: Route[] = []
  const ends: (() => void)[] = []
  while (all.length < options.allocations) {
    const few = Array.from({ length: Math.min(AT_ONCE, options.allocations - all.length) }, () =>
      openRoutePatiently(SocketAddress.of(options.server), options.user, target, crypto),
    )
    for (const { route, end } of await Promise.all(few)) {
      all.push(route)
      ends.push(end)
    }
  }
  const close = async (): Promise<void> => {
    for (const [i, end] of ends.entries()) {
      end()
      if (i % AT_ONCE === 0) await sleep(2)
    }
  }
  return { all, peer, close }
}

const AT_ONCE = 50
const PATIENCE_MS = 10_000

/** A relay that is starved of its core for seconds may answer the next time. */
async function openRoutePatiently(...how: Parameters<typeof openRoute>): ReturnType<typeof openRoute> {
  return openRoute(...how)
    .catch(() => openRoute(...how))
    .catch(() => openRoute(...how))
}

async function openRoute(
  server: SocketAddress,
  { dialect, ...credentials }: TurnUser,
  peer: SocketAddress,
  crypto: Crypto,
): Promise<{ readonly route: Route; end(): void }> {
  const socket = await openUdpSocket({ family: 4 })
  const allocation = new Allocation(
    { server: { v4: server }, credentials, software: 'sallyport-bench', crypto, random: nodeRandom, dialect },
    monotonicNow(),
  )
  const loop = driveOnNode<Datagram, Transmit, AllocationEvent>(allocation, {
    send: transmit => socket.sendOne(transmit),
    onEvent() {},
  })
  let isOpening = true
  socket.watch(() => {
    control.clear()
    if (!isOpening) return
    while (socket.receive(control));
    for (let i = 0; i < control.count; i++)
      loop.input({ local: control.local[i]!, remote: control.remote[i]!, payload: control.bytesOf(i) })
  })
  const until = async <T>(what: string, probe: () => T | undefined): Promise<T> => {
    for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(5)) {
      const found = probe()
      if (found !== undefined) return found
      const reason = allocation.canBeFreed() ?? (allocation.isSuspended ? 'refused' : undefined)
      if (reason === undefined && performance.now() <= deadline) continue
      loop.stop()
      socket.close()
      throw new Error(`waited in vain for ${what}: ${reason ?? 'no answer'}`)
    }
  }
  const relayed = await until('an allocation', () => allocation.relayedAddress(4))
  allocation.bindChannel(peer, monotonicNow())
  loop.drain()
  const channel = await until('a channel', () => allocation.channelTo(peer, monotonicNow()))
  await until('the channel’s confirmation', () => allocation.peerOf(channel))
  isOpening = false
  return {
    route: { socket, channel, server, relayed },
    end() {
      allocation.free(monotonicNow())
      loop.drain()
      loop.stop()
      socket.close()
    },
  }
}

/** What arrives while routes are opened; one after the other uses it. */
const control = new PacketBuffer(Arena.ofLength(256 * 1024), { start: 0, capacity: 64, stride: 4096, headroom: 0 })
