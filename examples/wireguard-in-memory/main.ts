// Two WireGuard peers in one process: a handshake of two messages, then an IP packet that is sealed and opened in place.
//
// You will see the size of each message, what a packet grows by, and that the same datagram doesn't open twice.
import { portableCrypto as crypto } from '@sallyport/crypto'
import { makeUdpPacket } from '@sallyport/ip-packet'
import { Arena, type Instant, IpAddress, seededRandom, utf8, type WallClock } from '@sallyport/sans-io'
import { IndexAllocator, OPEN_REPLAYED, RateLimiter, staticKeyPair, Tunnel } from '@sallyport/wireguard'

const now = 0 as Instant
const random = seededRandom(1) // in earnest: crypto.getRandomValues
const calendar = { instant: now, wallClock: Date.UTC(2025, 8, 23) as WallClock }
const aliceKeys = staticKeyPair(crypto, new Uint8Array(32).fill(1))
const bobKeys = staticKeyPair(crypto, new Uint8Array(32).fill(2))
const alice = peer(aliceKeys, bobKeys.publicKey)
const bob = peer(bobKeys, aliceKeys.publicKey)

alice.startHandshake(now)
const initiation = alice.pollTransmit()!
console.log(`alice → bob: initiation, ${initiation.length} bytes`)
bob.handleHandshake(initiation, undefined, now)
const response = bob.pollTransmit()!
console.log(`bob → alice: response, ${response.length} bytes`)
alice.handleHandshake(response, undefined, now)

const packet = makeUdpPacket({
  source: IpAddress.of('100.64.0.1'),
  destination: IpAddress.of('100.64.0.2'),
  sourcePort: 40_000,
  destinationPort: 7,
  payload: utf8('hello, bob'),
})
const arena = Arena.ofLength(2048)
const at = 64 // the header goes in front, and ciphers may use 64 bytes there
arena.bytes.set(packet, at)
const sealed = alice.seal(arena, at, packet.length, at, now)
console.log(`alice → bob: a packet of ${packet.length} bytes in a datagram of ${sealed}`)

const datagram = arena.bytes.slice(at - 16, at - 16 + sealed)
const opened = bob.open(arena, at - 16, sealed, at, now)
console.log(`bob reads "${new TextDecoder().decode(arena.bytes.subarray(at + 28, at + opened))}"`)

arena.bytes.set(datagram, at - 16)
const again = bob.open(arena, at - 16, sealed, at, now)
console.log(`the same datagram again: ${again === OPEN_REPLAYED ? 'replayed, and dropped' : again}`)

function peer(identity: typeof aliceKeys, peerPublicKey: Uint8Array): Tunnel {
  const localIndex = new IndexAllocator(random).allocate()
  const rateLimiter = new RateLimiter({ crypto, random, publicKey: identity.publicKey }, now)
  return new Tunnel({ crypto, random, identity, peerPublicKey, localIndex, rateLimiter, calendar }, now)
}
