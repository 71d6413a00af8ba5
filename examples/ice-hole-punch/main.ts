// Two ICE agents behind NATs that let in nothing unasked find a direct path: each learns from a STUN server how it looks
// from outside, tells the other, and both knock until the holes meet.
//
// You will see what each side signals, and the path that each one has in the end.
import { formatCandidate, hostCandidate, IceAgent, parseCandidate, serverReflexiveCandidate } from '@sallyport/ice'
import { millis, SocketAddress } from '@sallyport/sans-io'
import { attributeOf, BINDING, encodeStun, newTransactionId, parseStun } from '@sallyport/stun'
import { fastCrypto as crypto, type Host, RelayHost, SimulatedNetwork } from '@sallyport/testkit'

const network = new SimulatedNetwork(1)
new RelayHost(network, 'stun server', { addresses: ['198.51.100.1'] })
const stunServer = SocketAddress.of('198.51.100.1:3478')
const random = network.random()

interface Participant {
  readonly name: string
  readonly agent: IceAgent
  /** Takes what the other side has signalled. */
  hear(candidate: string): void
}

const alice = participant('alice', behindNat('10.0.0.2', '203.0.113.1'), true, text => bob.hear(text))
const bob: Participant = participant('bob', behindNat('192.168.1.2', '203.0.113.2'), false, text => alice.hear(text))

network.runUntil(() => [alice, bob].every(({ agent }) => agent.state === 'completed'))
for (const { name, agent } of [alice, bob]) console.log(`${name} reaches ${agent.selectedPath?.remote}`)

function behindNat(inside: string, outside: string): Host {
  const router = network.addRouter(outside, { address: outside, nat: 'port-restricted' })
  return network.addHost(inside, { addresses: [inside], on: router })
}

function participant(name: string, host: Host, controlling: boolean, signal: (text: string) => void): Participant {
  const [own, other] = controlling ? ['alice', 'bob'] : ['bob', 'alice']
  const credentials = (ufrag: string) => ({ ufrag, password: `the password of ${ufrag}, 22+ bytes` })
  const secrets = { localCredentials: credentials(own!), remoteCredentials: credentials(other!) }
  const agent = new IceAgent({ controlling, ...secrets, crypto, random }, network.now)

  const socket = host.bind(52625, ({ local, remote, payload }) => {
    const message = parseStun(payload)
    if (typeof message === 'string') return
    if (remote.equals(stunServer)) announce(serverReflexiveCandidate(attributeOf(message, 'xor-mapped-address')!, base))
    else running.input({ local, remote, message })
  })
  const base = new SocketAddress(host.addresses[0]!, socket.port)
  const running = host.drive(agent, socket)

  function announce(candidate: ReturnType<typeof hostCandidate>): void {
    if (typeof candidate === 'string') throw new Error(candidate)
    const added = agent.addLocalCandidate(candidate, network.now)
    if (added === undefined) return
    console.log(`${name} signals ${formatCandidate(added)}`)
    network.clock.in(millis(50), () => signal(formatCandidate(added))) // by way of a server that both know
    running.drain()
  }
  announce(hostCandidate(base))
  const transactionId = newTransactionId(random)
  const payload = encodeStun({ class: 'request', method: BINDING, transactionId, attributes: [] })
  socket.send({ local: base, remote: stunServer, payload })

  return {
    name,
    agent,
    hear(text) {
      const candidate = parseCandidate(text)
      if (typeof candidate === 'string') throw new Error(candidate)
      agent.addRemoteCandidate(candidate, network.now)
      running.drain()
    },
  }
}
