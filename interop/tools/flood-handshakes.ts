// Floods somebody with handshake initiations of a stranger, for a bounded time, in a process of its own:
//   node interop/tools/flood-handshakes.ts FROM TO PUBLIC_KEY SECONDS
// FROM is one of our addresses, TO an address with port. The initiations are right in everything that can be checked
// without a Diffie-Hellman. Prints `answered` when the first answer comes: a stranger's only answer is a cookie, so that
// they are under load from then on. Prints `sent N, N answers` at the end.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  calendarNow,
  createPacketMemory,
  monotonicNow,
  nodeCrypto,
  nodeRandom,
  openUdpSocket,
} from '@sallyport/io-node'
import { IpAddress, parseBase64, randomBytes, SocketAddress } from '@sallyport/sans-io'
import { RateLimiter, staticKeyPair, Tunnel } from '@sallyport/wireguard'
import { eachDatagram } from './each-datagram.ts'

/** Enough to fill an eighth of wireguard-go's queue of 1024 before it has worked on them. */
const BURST = 500
const PAUSE_MS = 50

const [from, to, publicKey, seconds] = process.argv.slice(2)
const remote = SocketAddress.of(to!)
const payload = initiationTo(parseBase64(publicKey!)!)
const socket = await openUdpSocket({ family: remote.family, address: IpAddress.of(from!) })
const { incoming } = createPacketMemory(1280)
let answers = 0
socket.watch(() => {
  incoming.clear()
  while (socket.receive(incoming));
  eachDatagram(incoming, () => {
    if (++answers === 1) console.log('answered')
  })
})
let sent = 0
for (const end = performance.now() + Number(seconds) * 1000; performance.now() < end; await sleep(PAUSE_MS)) {
  for (let i = 0; i < BURST; i++) socket.sendOne({ local: undefined, remote, payload })
  sent += BURST
}
console.log(`sent ${sent}, ${answers} answers`)
socket.close()

/** An initiation from somebody whom the receiver doesn't know. */
function initiationTo(peerPublicKey: Uint8Array): Uint8Array {
  const crypto = nodeCrypto({ cipher: 'node' })
  const identity = staticKeyPair(crypto, randomBytes(nodeRandom, 32))
  const now = monotonicNow()
  const rateLimiter = new RateLimiter({ crypto, random: nodeRandom, publicKey: identity.publicKey }, now)
  const common = { crypto, random: nodeRandom, rateLimiter, calendar: calendarNow() }
  const tunnel = new Tunnel({ ...common, identity, peerPublicKey, localIndex: 1 }, now)
  tunnel.startHandshake(now)
  return tunnel.pollTransmit()!
}
