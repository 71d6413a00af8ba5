// A client behind a NAT gets an address on a relay, and talks through a channel of it to an echo server, which sees only
// the relay (RFC 8656).
//
// You will see the relayed address, who the echo server takes the client for, and the echo.
import { millis, SocketAddress, utf8 } from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, parseChannelData, writeChannelDataHeader } from '@sallyport/stun'
import { fastCrypto as crypto, RelayHost, SimulatedNetwork } from '@sallyport/testkit'
import { Allocation } from '@sallyport/turn-client'

const network = new SimulatedNetwork(1)
const relay = new RelayHost(network, 'relay', { addresses: ['198.51.100.1'] }) // a TurnServer on simulated sockets
const router = network.addRouter('router', { address: '203.0.113.1', nat: 'symmetric' })
const client = network.addHost('client', { addresses: ['10.0.0.2'], on: router })
const echo = SocketAddress.of('192.0.2.7:7')
const echoSocket = network
  .addHost('echo server', { addresses: ['192.0.2.7'] })
  .bind(7, ({ local, remote, payload }) => {
    console.log(`the echo server hears "${new TextDecoder().decode(payload)}" from ${remote}`)
    echoSocket.send({ local, remote, payload })
  })

const { v4, username, password, realm } = relay.newUser()
const allocation = new Allocation(
  {
    server: { v4: v4! },
    credentials: { username, password, realm },
    software: 'turn-echo',
    crypto,
    random: network.random(),
  },
  network.now,
)
let heard: string | undefined
const socket = client.bind(52625, datagram => {
  const data = parseChannelData(datagram.payload)
  if (typeof data === 'string') running.input(datagram)
  else heard = `"${new TextDecoder().decode(data.payload)}" from ${allocation.peerOf(data.channel)}`
})
const running = client.drive(allocation, socket)

network.runUntil(() => allocation.isAllocated)
console.log(`the client is ${allocation.relayedAddress(4)} on the relay`)

allocation.bindChannel(echo, network.now)
running.drain()
network.runUntil(() => allocation.channelTo(echo, network.now) !== undefined)

// ChannelData is four bytes in front of what is sent: the channel and the length.
const text = utf8('hello, relay')
const payload = new Uint8Array(CHANNEL_DATA_HEADER_LENGTH + text.length)
payload.set(text, CHANNEL_DATA_HEADER_LENGTH)
writeChannelDataHeader(payload, 0, allocation.channelTo(echo, network.now)!, text.length)
socket.send({ local: undefined, remote: allocation.activeServer!, payload })

network.runUntil(() => heard !== undefined, millis(1000))
console.log(`the client hears ${heard}`)
