// One end of a static tunnel, in a process of its own: node bench/static/main.ts CONFIGURATION, as JSON.
import {
  calendarNow,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  openTun,
  openUdpSocket,
  runDataPlane,
  TunNetwork,
} from '@sallyport/io-node'
import { IpPrefix } from '@sallyport/ip-packet'
import { IpAddress, parseBase64, SocketAddress } from '@sallyport/sans-io'
import { StaticTunnel } from './static-tunnel.ts'

/** What the process is told. */
export interface StaticConfiguration {
  /** In base64, as everywhere below. */
  readonly privateKey: string
  readonly peerPublicKey: string
  /** Our port, and where the peer is. */
  readonly port: number
  readonly remote: string
  /** Our address in the tunnel, and what lies behind it. */
  readonly address: string
  readonly route: string
  readonly mtu: number
}

if (import.meta.main) {
  const configuration = JSON.parse(process.argv[2] ?? '') as StaticConfiguration
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
      remote: SocketAddress.of(configuration.remote),
    },
    tun.takesUdpTrains,
    monotonicNow(),
  )
  const running = runDataPlane({ machine, tun, sockets: [socket], onEvent() {}, mtu: configuration.mtu })
  console.log(`up: ${tun.kind} device, ${socket.kind} socket, ${crypto.transport.name} cipher`)
  process.once('SIGTERM', () => {
    console.log(JSON.stringify({ tun: tun.statistics, udp: socket.statistics, cpu: process.cpuUsage() }))
    running.stop()
    process.exit(0)
  })
}
