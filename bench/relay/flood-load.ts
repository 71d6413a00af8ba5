// A flood for one relay, in a process of its own: node bench/relay/flood-load.ts CONFIGURATION, as JSON. Prints `flooding`,
// and a FloodLoadResult at the end.
import { execFileSync } from 'node:child_process'
import { createArena, nodeCrypto, openTun } from '@sallyport/io-node'
import { makeUdpPacket } from '@sallyport/ip-packet'
import { IpAddress, PacketBuffer, SocketAddress } from '@sallyport/sans-io'
import { ALLOCATE, BINDING, encodeStun, writeChannelDataHeader } from '@sallyport/stun'
import { openRoutes, type TurnUser } from './routes.ts'
import { Traffic } from './traffic.ts'

/** What the process is told. */
export interface FloodLoadConfiguration {
  readonly server: string
  readonly user: TurnUser
  /** The address of this host, on which the peer of the allocation in use is. */
  readonly peer: string
  /** Datagrams of strangers per second. */
  readonly rate: number
  readonly seconds: number
}

/** What it has found out. */
export interface FloodLoadResult {
  /** Datagrams of strangers that were sent, and bytes of them from the IP header on. */
  readonly datagrams: number
  readonly bytes: number
  /** The share of datagrams that the allocation in use has lost. */
  readonly loss: number
  /** How many datagrams the allocation in use was given to relay. */
  readonly used: number
}

/** Strangers' addresses: 10.64.0.0/10, each of them once before the first comes again. */
const STRANGERS = '10.64.0.0/10'
const SOURCES = 2 ** 18

/** What the allocation in use carries meanwhile. */
const USED_RATE = 2000
export const USED_PAYLOAD = 1000

/** Bytes from one packet of a stranger to the next. */
const STRIDE = 256
const HEADROOM = 16

if (import.meta.main) {
  const result = await main(JSON.parse(process.argv[2] ?? '') as FloodLoadConfiguration)
  console.log(JSON.stringify(result))
  process.exit(0)
}

async function main({ rate, seconds, ...configuration }: FloodLoadConfiguration): Promise<FloodLoadResult> {
  const crypto = nodeCrypto({ cipher: 'node' })
  const routes = await openRoutes({ ...configuration, allocations: 1 }, crypto)
  const traffic = new Traffic(routes, { payload: USED_PAYLOAD, isBackward: false, trains: true })
  const packets = strangersPackets(SocketAddress.of(configuration.server))
  const tun = openTun({ name: 'strangers' })
  execFileSync('ip', ['link', 'set', tun.name, 'up'])
  execFileSync('ip', ['route', 'add', STRANGERS, 'dev', tun.name])
  traffic.run(USED_RATE, 1)

  console.log('flooding')
  let datagrams = 0
  let bytes = 0
  const { sent, received } = traffic.run(USED_RATE, seconds, elapsedMs => {
    for (let due = (rate * elapsedMs) / 1000 - datagrams; due >= 1; due--) {
      const index = datagrams++ % SOURCES
      tun.write(packets, index, index + 1)
      bytes += packets.length[index]!
    }
  })
  await routes.close()
  return { datagrams, bytes, loss: 1 - received / sent, used: sent }
}

/** What strangers send: a question of STUN's, requests without and with credentials, and data for no channel. */
function strangersPackets(server: SocketAddress): PacketBuffer {
  const crypto = nodeCrypto({ cipher: 'node' })
  const transactionId = new Uint8Array(12).fill(7)
  const data = new Uint8Array(104)
  writeChannelDataHeader(data, 0, 0x4000, 100)
  const transport = { type: 'requested-transport', value: 17 } as const
  const payloads = [
    encodeStun({ class: 'request', method: BINDING, transactionId, attributes: [] }),
    encodeStun({ class: 'request', method: ALLOCATE, transactionId, attributes: [transport] }),
    encodeStun(
      {
        class: 'request',
        method: ALLOCATE,
        transactionId,
        attributes: [
          transport,
          { type: 'username', value: '9999999999:stranger' },
          { type: 'realm', value: 'firezone' },
          { type: 'nonce', value: '00000000-0000-4000-8000-000000000000' },
        ],
      },
      { crypto, key: new Uint8Array(16) },
    ),
    data,
  ]
  const packets = new PacketBuffer(createArena(SOURCES * STRIDE), {
    start: 0,
    capacity: SOURCES,
    stride: STRIDE,
    headroom: HEADROOM,
  })
  for (let i = 0; i < SOURCES; i++) {
    const source = IpAddress.fromBytes(Uint8Array.of(10, 64 + (i >> 16), i >> 8, i))
    packets.appendCopy(
      makeUdpPacket({
        source,
        destination: server.ip,
        sourcePort: 1024 + ((i * 7919) % 60_000),
        destinationPort: server.port,
        payload: payloads[i % payloads.length]!,
      }),
    )
  }
  return packets
}
