import { makeUdpPacket } from '@sallyport/ip-packet'
import {
  type Datagram,
  type DataPlane,
  type Instant,
  IpAddress,
  type PacketBuffer,
  type SansIo,
  SocketAddress,
  seconds,
  type Transmit,
  type WallClock,
} from '@sallyport/sans-io'
import { type ConnectionId, Node, type NodeEvent, type RelayId } from '@sallyport/snownet'
import { shortTermKey } from '@sallyport/stun'
import { fastCrypto as crypto, RelayHost, runTunnelled, SimulatedNetwork, type Tunnelled } from '@sallyport/testkit'
import { resign } from '../resign.ts'
import { demand, type FuzzTarget } from '../target.ts'

const PEER = 'peer' as ConnectionId
const CREDENTIALS = [
  { ufrag: 'clie', password: 'the client says twenty' },
  { ufrag: 'gate', password: 'the gateway says more' },
] as const

/** A node on a host, whose peer is another one. */
class End implements SansIo<Datagram, Transmit, NodeEvent>, DataPlane {
  readonly node: Node
  readonly running: Tunnelled
  readonly heard: Datagram[] = []
  readonly packets: string[] = []
  other: End | undefined

  constructor(network: SimulatedNetwork, role: 'client' | 'gateway', address: string) {
    const calendar = { instant: network.now, wallClock: 1_758_585_600_000 as WallClock }
    this.node = new Node({ role, crypto, random: network.random(), calendar }, network.now)
    this.running = runTunnelled(network.addHost(role, { addresses: [address] }), this, {
      onPacket: packet => this.packets.push(packet.join()),
      onEvent: event => {
        const { other } = this
        if (other === undefined || (event.type !== 'candidate-added' && event.type !== 'candidate-removed')) return
        network.clock.in(seconds(0.01), () => {
          const now = network.now
          if (event.type === 'candidate-added') other.node.addRemoteCandidate(PEER, event.candidate, now)
          else other.node.removeRemoteCandidate(PEER, event.candidate, now)
          other.running.drive.drain()
        })
      },
    })
  }

  send(packet: Uint8Array): void {
    this.running.send(packet)
  }
  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    for (let i = 0; i < trains.count; i++) this.node.encapsulate(this.node.handleOf(PEER), trains, i, datagrams, now)
  }
  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    for (let i = 0; i < datagrams.count; i++)
      this.heard.push({
        local: datagrams.local[i]!,
        remote: datagrams.remote[i]!,
        payload: datagrams.bytesOf(i).slice(),
      })
    this.node.decapsulate(datagrams, packets, now)
  }
  handleInput(input: Datagram, now: Instant): boolean {
    return this.node.handleInput(input, now)
  }
  handleTimeout(now: Instant): void {
    this.node.handleTimeout(now)
    const next = this.node.pollTimeout()
    demand(next === undefined || next > now, 'the node wants to be woken in the past')
  }
  pollTransmit(): Transmit | undefined {
    return this.node.pollTransmit()
  }
  pollEvent(): NodeEvent | undefined {
    return this.node.pollEvent()
  }
  pollTimeout(): Instant | undefined {
    return this.node.pollTimeout()
  }
}

interface Talk {
  readonly network: SimulatedNetwork
  readonly client: End
  readonly gateway: End
}

/** A client and a gateway that are connected, and know a relay. */
function connect(seed: number): Talk {
  const network = new SimulatedNetwork(seed)
  const relay = new RelayHost(network, 'relay', { addresses: ['198.51.100.1'] })
  const [client, gateway] = [new End(network, 'client', '192.0.2.1'), new End(network, 'gateway', '192.0.2.2')]
  client.other = gateway
  gateway.other = client
  for (const end of [client, gateway])
    end.node.updateRelays(new Set(), [{ id: 'relay' as RelayId, ...relay.newUser() }], network.now)
  for (const end of [client, gateway]) end.running.drive.drain()
  network.run(seconds(0.5))
  for (const [end, other, [local, remote]] of [
    [gateway, client, [CREDENTIALS[1], CREDENTIALS[0]]],
    [client, gateway, [CREDENTIALS[0], CREDENTIALS[1]]],
  ] as const) {
    const peerPublicKey = other.node.publicKey
    const options = {
      peerPublicKey,
      presharedKey: new Uint8Array(32),
      localCredentials: local,
      remoteCredentials: remote,
    }
    end.node.upsertConnection(PEER, options, network.now)
    end.running.drive.drain()
  }
  network.run(seconds(1))
  return { network, client, gateway }
}

const packet = (number: number): Uint8Array =>
  makeUdpPacket({
    source: IpAddress.of('100.64.0.1'),
    destination: IpAddress.of('100.64.0.2'),
    sourcePort: 1,
    destinationPort: 2,
    payload: new Uint8Array(8).fill(number),
  })

/** Where changed datagrams come from: the peer, the relay, a stranger at the relays' port, a stranger. */
const FROM = ['192.0.2.2:52625', '198.51.100.1:3478', '192.0.2.9:3478', '192.0.2.9:7'].map(text =>
  SocketAddress.of(text),
)
const LOCAL = SocketAddress.of('192.0.2.1:52625')

/** A node with a peer and a relay: whatever arrives, from wherever, it stays bounded and the peer is reached. */
export const snownet: FuzzTarget = {
  // Of another world, with other keys: what is recorded from an equal one would be authentic, and yet to come.
  seeds() {
    const { network, client, gateway } = connect(2)
    client.send(packet(1))
    gateway.send(packet(2))
    network.run(seconds(2))
    return client.heard.map(({ payload }) => payload)
  },
  repair: bytes => resign(bytes, shortTermKey(CREDENTIALS[bytes[0] === 1 ? 1 : 0].password), crypto),
  run(inputs) {
    const { network, client, gateway } = connect(1)
    const before = client.packets.length
    for (const [i, payload] of inputs.entries()) {
      client.running.drive.input({ local: LOCAL, remote: FROM[i % FROM.length]!, payload })
      network.run(seconds(0.1))
    }
    demand(client.packets.length === before, 'a stranger got a packet through')
    demand(client.node.statistics.held < 1000, 'the node holds too much')
    network.run(seconds(2))
    for (const [from, to, number] of [
      [client, gateway, 3],
      [gateway, client, 4],
    ] as const) {
      const sent = packet(number)
      const expected = sent.join()
      from.send(sent)
      network.run(seconds(1))
      demand(to.packets.filter(received => received === expected).length === 1, 'the peer is not reached any more')
    }
  },
}
