// Our TURN client on a real socket, in a process of its own: node interop/peers/turn-client.ts CONFIGURATION, as JSON.
// Has messages echoed by a peer over a channel, refreshes the allocation and gives it back. Prints `allocated ADDRESS` and
// `echoed N of N`; or `unusable: REASON`, and exits with 1.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  createPacketMemory,
  driveOnNode,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  openUdpSocket,
} from '@sallyport/io-node'
import { equalBytes, randomBytes, SocketAddress } from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, parseChannelData, writeChannelDataHeader } from '@sallyport/stun'
import { Allocation } from '@sallyport/turn-client'
import { eachDatagram } from '../tools/each-datagram.ts'

/** What the process is told. */
export interface TurnClientConfiguration {
  /** Where the server and the peer that echoes are. */
  readonly server: string
  readonly peer: string
  readonly username: string
  readonly password: string
  readonly realm: string
  readonly messages: number
}

const MESSAGE_LENGTH = 1000

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as TurnClientConfiguration)

async function main({ messages, ...configuration }: TurnClientConfiguration): Promise<void> {
  const [server, peer] = [SocketAddress.of(configuration.server), SocketAddress.of(configuration.peer)]
  const socket = await openUdpSocket({ family: server.family })
  const allocation = new Allocation(
    {
      server: server.family === 4 ? { v4: server } : { v6: server },
      credentials: configuration,
      software: 'sallyport-interop',
      crypto: nodeCrypto({ cipher: 'node' }),
      random: nodeRandom,
      dialect: 'standard',
    },
    monotonicNow(),
  )
  const { incoming } = createPacketMemory(1280)
  const echoes: Uint8Array[] = []
  const loop = driveOnNode(allocation, {
    send: transmit => socket.sendOne(transmit),
    onEvent({ type, candidate }) {
      if (type === 'new-candidate' && candidate.kind === 'relay') console.log(`allocated ${candidate.address}`)
    },
  })
  socket.watch(() => {
    incoming.clear()
    while (socket.receive(incoming));
    eachDatagram(incoming, (payload, local, remote) => {
      const data = parseChannelData(payload)
      if (typeof data === 'string') loop.input({ local: local!, remote, payload })
      else if (allocation.receiveOn(data.channel, monotonicNow())?.equals(peer)) echoes.push(data.payload.slice())
    })
  })
  const until = async (done: () => boolean): Promise<void> => {
    for (; !done(); await sleep(5)) {
      const reason = allocation.canBeFreed() ?? (allocation.isSuspended ? 'refused' : undefined)
      if (reason === undefined) continue
      console.log(`unusable: ${reason}`)
      process.exit(1)
    }
  }

  await until(() => allocation.isAllocated)
  allocation.bindChannel(peer, monotonicNow())
  loop.drain()
  const channel = allocation.channelTo(peer, monotonicNow())!
  await until(() => allocation.peerOf(channel) !== undefined)

  const sent = Array.from({ length: messages }, () => randomBytes(nodeRandom, MESSAGE_LENGTH))
  for (const message of sent) {
    const payload = new Uint8Array(CHANNEL_DATA_HEADER_LENGTH + message.length)
    writeChannelDataHeader(payload, 0, channel, message.length)
    payload.set(message, CHANNEL_DATA_HEADER_LENGTH)
    socket.sendOne({ local: undefined, remote: allocation.activeServer!, payload })
    await sleep(2)
  }
  await sleep(200)
  const echoed = sent.filter((message, i) => equalBytes(message, echoes[i] ?? message.subarray(1))).length
  console.log(`echoed ${echoed} of ${messages}`)

  allocation.refresh(monotonicNow())
  loop.drain()
  await sleep(200)
  allocation.free(monotonicNow())
  loop.drain()
  loop.stop()
  socket.close()
}
