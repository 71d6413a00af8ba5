// The whole product in one process and no real second: a portal, a relay, a gateway in front of a private network, and a
// laptop behind a NAT, in a simulated internet. A datagram goes from the laptop to a private address and back.
//
// You will see what the portal is asked, how soon the office answers, and that access ends with its policy.
import { makeUdpPacket, PacketHeader } from '@sallyport/ip-packet'
import { MemoryStore, type PeerId, Portal, type PortalTransmit } from '@sallyport/portal-core'
import { parsePortalToClient, parsePortalToGateway } from '@sallyport/portal-protocol'
import { IpAddress, millis, seconds, toBase64, utf8, type WallClock } from '@sallyport/sans-io'
import { Node } from '@sallyport/snownet'
import { fastCrypto as crypto, type Host, RelayHost, runTunnelled, SimulatedNetwork } from '@sallyport/testkit'
import { ClientTunnel, GatewayTunnel } from '@sallyport/tunnel'

const network = new SimulatedNetwork(1)
const calendar = { instant: network.now, wallClock: Date.UTC(2025, 8, 23) as WallClock }
const tokenKey = { keyBase: 'a secret of the portal', salt: 'salt' }
const portal = new Portal(
  {
    store: new MemoryStore(),
    crypto: { ...crypto, sha3_256: crypto.sha256 },
    random: network.random(),
    tokenKey,
    calendar,
  },
  network.now,
)

// What an administrator does once: Jane, who is an engineer, may reach the office.
const { admin } = portal
const accountId = admin.createAccount({ name: 'Acme', slug: 'acme' }, network.now).id
const jane = admin.createActor({ accountId, type: 'account_user', name: 'Jane' }, network.now)
const engineers = admin.createGroup({ accountId, name: 'Engineers' }, network.now)
admin.addMember(engineers.id, jane.id, network.now)
const site = admin.createSite({ accountId, name: 'Berlin' }, network.now)
const office = admin.createResource(
  { accountId, name: 'Office', type: 'cidr', address: '10.1.0.0/16', siteIds: [site.id] },
  network.now,
)
const policy = admin.createPolicy({ accountId, groupId: engineers.id, resourceId: office.id }, network.now)

// The machines, each on a host of its own.
const peers = new Map<PeerId, (event: string, payload: unknown) => void>()
const relay = new RelayHost(network, 'relay', { addresses: ['198.51.100.1'] })
const relayToken = admin.createRelayToken({ name: 'relays' }, network.now).text
const relayLink = login('relay', relayToken, { ipv4: '198.51.100.1' }, relay.host, () => {})
portal.join(relayLink, { stamp_secret: relay.stampSecret }, network.now)

const gatewayHost = network.addHost('gateway', { addresses: ['192.0.2.2'] })
const gateway = new GatewayTunnel({ node: newNode('gateway'), calendar })
const gatewayToken = admin.createGatewayToken({ siteId: site.id, name: 'gateways' }, network.now).text
const gatewayLink = login('gateway', gatewayToken, identity('gateway', gateway), gatewayHost, (event, payload) => {
  const parsed = parsePortalToGateway(event, payload)
  if ('message' in parsed) gateway.handlePortalMessage(parsed.message, network.now)
  gatewaySide.drive.drain()
})
const gatewaySide = runTunnelled(gatewayHost, gateway, {
  onEvent: event => event.type === 'send-portal' && tellPortal('gateway', gatewayLink, event.message),
  onPacket: packet => gatewaySide.send(echoOf(packet)), // every address of the private network answers
})

const router = network.addRouter('router', { address: '203.0.113.1', nat: 'port-restricted' })
const laptop = network.addHost('laptop', { addresses: ['192.168.1.2'], on: router })
const client = new ClientTunnel({ node: newNode('client') })
const week = calendar.wallClock + 7 * 86_400_000
const clientToken = admin.createClientToken({ actorId: jane.id, name: 'laptop', expiresAt: week }, network.now).text
const clientLink = login('client', clientToken, identity('laptop', client), laptop, (event, payload) => {
  const parsed = parsePortalToClient(event, payload)
  if ('message' in parsed) client.handlePortalMessage(parsed.message, network.now)
  clientSide.drive.drain()
})
let ownAddress: IpAddress | undefined
let heard: string | undefined
const clientSide = runTunnelled(laptop, client, {
  onEvent: event => {
    if (event.type === 'send-portal') tellPortal('client', clientLink, event.message)
    if (event.type === 'interface-changed') ownAddress = event.config.ipv4
  },
  onPacket: packet => (heard = textOf(packet)),
})

// The story.
for (const link of [gatewayLink, clientLink]) portal.join(link, null, network.now)
deliver()
network.run(seconds(1))
console.log(`the laptop is ${ownAddress} in the tunnel`)

const first = ask('hello, office')
console.log(first === undefined ? 'nobody answers' : `the office answers after ${first} ms`)
network.run(seconds(5))
console.log(`once connected, it answers after ${ask('hello again')} ms`)

admin.deletePolicy(policy.id, network.now)
deliver()
network.run(seconds(1))
console.log(`without the policy: ${ask('still there?') === undefined ? 'no answer' : 'an answer'}`)

/** Connects to the portal; `hear` takes what it says, 15 ms later. */
function login(
  role: 'client' | 'gateway' | 'relay',
  token: string,
  parameters: object,
  host: Host,
  hear: (event: string, payload: unknown) => void,
): PeerId {
  const userAgent = role === 'relay' ? 'relay/1.5.0' : 'Linux connlib/1.5.8'
  const remoteIp = host.addresses[0]!
  const request = { role, parameters: new Map(Object.entries({ token, ...parameters })), userAgent, remoteIp }
  const result = portal.connect(request, network.now)
  if (result.type === 'refused') throw new Error(result.body)
  peers.set(result.peer, hear)
  return result.peer
}

function identity(name: string, { publicKey }: { readonly publicKey: Uint8Array }): object {
  return { external_id: name, name, public_key: toBase64(publicKey) }
}

function newNode(role: 'client' | 'gateway'): Node {
  return new Node({ role, crypto, random: network.random(), calendar }, network.now)
}

function tellPortal(who: string, peer: PeerId, { event, payload }: { event: string; payload: unknown }): void {
  console.log(`${who} → portal: ${event}`)
  network.clock.in(millis(15), () => {
    portal.message(peer, event, payload, network.now)
    deliver()
  })
}

/** Takes what the portal has to say to its peers. */
function deliver(): void {
  for (let said: PortalTransmit | undefined; (said = portal.pollTransmit()) !== undefined; ) {
    if (said.type === 'end') continue
    const { peer, event } = said
    const text = JSON.stringify(said.payload)
    network.clock.in(millis(15), () => peers.get(peer)?.(event, JSON.parse(text)))
  }
}

/** Sends `text` to the office until it comes back; returns after how many milliseconds, `undefined` for never. */
function ask(text: string): number | undefined {
  const start = network.now
  const destination = IpAddress.of('10.1.2.3')
  for (let i = 0; i < 25; i++) {
    clientSide.send(
      makeUdpPacket({ source: ownAddress!, destination, sourcePort: 40_000, destinationPort: 7, payload: utf8(text) }),
    )
    if (network.runUntil(() => heard === text, millis(200))) return network.now - start
  }
  return undefined
}

function echoOf(packet: Uint8Array): Uint8Array {
  const header = new PacketHeader()
  header.parse(packet, 0, packet.length)
  return makeUdpPacket({
    source: IpAddress.fromBytes(
      packet.subarray(header.destinationOffset, header.destinationOffset + header.addressLength),
    ),
    destination: IpAddress.fromBytes(packet.subarray(header.sourceOffset, header.sourceOffset + header.addressLength)),
    sourcePort: header.destinationPort,
    destinationPort: header.sourcePort,
    payload: packet.subarray(header.payloadOffset),
  })
}

function textOf(packet: Uint8Array): string {
  const header = new PacketHeader()
  header.parse(packet, 0, packet.length)
  return new TextDecoder().decode(packet.subarray(header.payloadOffset))
}
