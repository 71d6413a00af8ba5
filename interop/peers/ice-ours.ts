// Our ICE agent on real sockets, in a process of its own: node interop/peers/ice-ours.ts CONFIGURATION, as JSON.
// Prints `view JSON` twice a second.
import { hostCandidate, IceAgent, parseCandidate } from '@sallyport/ice'
import {
  createPacketMemory,
  driveOnNode,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  openUdpSocket,
} from '@sallyport/io-node'
import { SocketAddress } from '@sallyport/sans-io'
import { parseStun } from '@sallyport/stun'
import { eachDatagram } from '../tools/each-datagram.ts'
import { type IceParameters, keepReporting } from './ice-endpoint.ts'

/** What our agent is told. */
export interface OurIceConfiguration {
  readonly controlling: boolean
  /** The addresses to bind, with ports. */
  readonly addresses: readonly string[]
  /** How we call ourselves. */
  readonly ufrag: string
  readonly password: string
  readonly remote: IceParameters
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as OurIceConfiguration)

async function main({ controlling, addresses, ufrag, password, remote }: OurIceConfiguration): Promise<void> {
  const agent = new IceAgent(
    {
      controlling,
      localCredentials: { ufrag, password },
      remoteCredentials: remote,
      crypto: nodeCrypto({ cipher: 'node' }),
      random: nodeRandom,
    },
    monotonicNow(),
  )
  const locals = addresses.map(address => SocketAddress.of(address))
  const sockets = await Promise.all(
    locals.map(local => openUdpSocket({ family: local.family, address: local.ip, port: local.port })),
  )
  const loop = driveOnNode(agent, {
    send: transmit => sockets[locals.findIndex(local => local.family === transmit.remote.family)]?.sendOne(transmit),
    onEvent: event =>
      console.log(JSON.stringify(event, (_, value) => (value instanceof SocketAddress ? value.key : value))),
  })
  const { incoming } = createPacketMemory(1280)
  for (const [i, socket] of sockets.entries())
    socket.watch(() => {
      incoming.clear()
      while (socket.receive(incoming));
      eachDatagram(incoming, (payload, _, remote) => {
        const message = parseStun(payload)
        if (typeof message !== 'string') loop.input({ local: locals[i]!, remote, message })
      })
    })

  for (const local of locals) {
    const candidate = hostCandidate(local)
    if (typeof candidate === 'string') throw new Error(`${local}: ${candidate}`)
    agent.addLocalCandidate(candidate, monotonicNow())
  }
  for (const text of remote.candidates) {
    const candidate = parseCandidate(text)
    if (typeof candidate === 'string') throw new Error(`${text}: ${candidate}`)
    agent.addRemoteCandidate(candidate, monotonicNow())
  }
  loop.drain()
  keepReporting(() => ({
    state: agent.state,
    local: agent.selectedPath && textOf(agent.selectedPath.local),
    remote: agent.selectedPath && textOf(agent.selectedPath.remote),
    requests: agent.pairs.reduce((sum, pair) => sum + pair.requestsReceived, 0),
  }))
}

const textOf = ({ ip, port }: SocketAddress): string => `${ip.text} ${port}`
