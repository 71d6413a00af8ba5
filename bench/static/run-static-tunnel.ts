import {
  calendarNow,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  openTun,
  openUdpSocket,
  runDataPlane,
  type TunDevice,
  TunNetwork,
  type UdpSocket,
} from '@sallyport/io-node'
import { IpPrefix } from '@sallyport/ip-packet'
import {
  type Datagram,
  type DataPlane,
  IpAddress,
  parseBase64,
  type SansIo,
  SocketAddress,
  type Transmit,
} from '@sallyport/sans-io'
import type { TunnelEvent } from '@sallyport/wireguard'
import { StaticTunnel } from './static-tunnel.ts'

/** What one end of a static tunnel is told. */
export interface StaticConfiguration {
  /** In base64, as everywhere below. */
  readonly privateKey: string
  readonly peerPublicKey: string
  readonly presharedKey?: string
  /** Our port, and where the peer is. */
  readonly port: number
  readonly remote: string
  /** Our address in the tunnel, and what lies behind it. */
  readonly address: string
  readonly route: string
  readonly mtu: number
  /** How many handshake messages a second are heard without a cookie; 100 by default. */
  readonly handshakeLimit?: number
}

/** A machine that carries packets through one WireGuard tunnel. */
export type TunnelMachine = SansIo<Datagram, Transmit, TunnelEvent> & DataPlane

/** What may be done differently with one end of a static tunnel. */
export interface StaticTunnelHooks {
  /** Learns what the tunnel has to tell. */
  onEvent?(event: TunnelEvent): void
  /** Puts something between the tunnel and the world. */
  wrap?(machine: TunnelMachine): TunnelMachine
}

/** One end of a static tunnel at work. */
export interface RunningStaticTunnel {
  readonly tun: TunDevice
  readonly socket: UdpSocket
  /** Which device, socket and cipher it uses, in a few words. */
  readonly description: string
  /** Ends it. */
  stop(): void
}

/** Runs one end of a static tunnel, between a new TUN device and a new UDP socket. */
export async function runStaticTunnel(
  configuration: StaticConfiguration,
  hooks: StaticTunnelHooks = {},
): Promise<RunningStaticTunnel> {
  const tun = openTun({ name: 'static0' })
  new TunNetwork(tun).configure({
    addresses: [IpAddress.of(configuration.address)],
    routes: [IpPrefix.of(configuration.route)],
    mtu: configuration.mtu,
  })
  const socket = await openUdpSocket({ family: 4, port: configuration.port })
  const crypto = nodeCrypto()
  const machine = new StaticTunnel(
    {
      crypto,
      random: nodeRandom,
      calendar: calendarNow(),
      privateKey: parseBase64(configuration.privateKey)!,
      peerPublicKey: parseBase64(configuration.peerPublicKey)!,
      ...(configuration.presharedKey === undefined ? {} : { presharedKey: parseBase64(configuration.presharedKey)! }),
      remote: SocketAddress.of(configuration.remote),
      ...(configuration.handshakeLimit === undefined ? {} : { handshakeLimit: configuration.handshakeLimit }),
    },
    tun.takesUdpTrains,
    monotonicNow(),
  )
  const running = runDataPlane({
    machine: hooks.wrap?.(machine) ?? machine,
    tun,
    sockets: [socket],
    onEvent: event => hooks.onEvent?.(event),
    mtu: configuration.mtu,
  })
  const description = `${tun.kind} device, ${socket.kind} socket, ${crypto.transport.name} cipher`
  return { tun, socket, description, stop: () => running.stop() }
}
