import { Arena, type Instant, IpAddress, seededRandom, type WallClock } from '@sallyport/sans-io'
import { fastCrypto as crypto } from '@sallyport/testkit'
import { MESSAGE_DATA, messageTypeOf, RateLimiter, staticKeyPair, Tunnel } from '@sallyport/wireguard'
import { demand, type FuzzTarget } from '../target.ts'

const NOW = 1000 as Instant
const STRANGER = IpAddress.of('192.0.2.1')
const AT = 256
const PACKET = Uint8Array.from({ length: 28 }, (_, i) => [0x45, 0, 0, 28][i] ?? (i === 9 ? 17 : i))

/** One end of a tunnel, with a place to seal and open. */
class End {
  readonly tunnel: Tunnel
  readonly arena = Arena.ofLength(70_000)
  received = 0

  constructor(own: number, peer: number) {
    const [identity, other] = [own, peer].map(seed => staticKeyPair(crypto, new Uint8Array(32).fill(seed)))
    const random = seededRandom(own)
    const rateLimiter = new RateLimiter({ crypto, random, publicKey: identity!.publicKey }, NOW)
    this.tunnel = new Tunnel(
      {
        crypto,
        random,
        calendar: { instant: NOW, wallClock: 1_758_585_600_000 as WallClock },
        identity: identity!,
        peerPublicKey: other!.publicKey,
        presharedKey: new Uint8Array(32),
        localIndex: own,
        rateLimiter,
      },
      NOW,
    )
  }

  take(datagram: Uint8Array): void {
    if (messageTypeOf(datagram, 0, datagram.length) !== MESSAGE_DATA) {
      this.tunnel.handleHandshake(datagram, STRANGER, NOW)
      return
    }
    this.arena.bytes.set(datagram, AT)
    const length = this.tunnel.open(this.arena, AT, datagram.length, AT + 16, NOW)
    demand(length <= datagram.length, 'more was opened than there was')
    if (length > 0) this.received++
  }

  seal(): Uint8Array | undefined {
    this.arena.bytes.set(PACKET, AT)
    const length = this.tunnel.seal(this.arena, AT, PACKET.length, AT, NOW)
    return length === 0 ? undefined : this.arena.bytes.slice(AT - 16, AT - 16 + length)
  }

  *sent(): Iterable<Uint8Array> {
    for (let out = this.tunnel.pollTransmit(); out !== undefined; out = this.tunnel.pollTransmit()) yield out
    while (this.tunnel.pollEvent() !== undefined);
  }
}

/** Lets two ends meet and returns all that they say. */
function meet(alice: End, bob: End): Uint8Array[] {
  const said: Uint8Array[] = []
  alice.tunnel.startHandshake(NOW)
  for (let round = 0; round < 4; round++)
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const)
      for (const datagram of from.sent()) {
        said.push(datagram.slice())
        to.take(datagram)
      }
  return said
}

/** A tunnel: whatever strangers send, nothing of it is taken for a packet, and the peer is still understood. */
export const wireguard: FuzzTarget = {
  seeds() {
    const [alice, bob] = [new End(1, 2), new End(2, 1)]
    const said = meet(alice, bob)
    const data = [alice.seal(), bob.seal()].filter(datagram => datagram !== undefined)
    return [...said, ...data]
  },
  run(inputs) {
    const [alice, bob] = [new End(1, 2), new End(2, 1)]
    for (const input of inputs.slice(0, 3)) {
      for (const end of [alice, bob]) end.take(input)
    }
    meet(alice, bob)
    const before = [alice.received, bob.received]
    for (const input of inputs) for (const end of [alice, bob]) end.take(input)
    // what was recorded from an equal tunnel is as good as real, once
    demand(alice.received - before[0]! <= 1 && bob.received - before[1]! <= 1, 'a packet was taken twice')
    const [up, down] = [alice.seal(), bob.seal()]
    if (up === undefined || down === undefined) return
    const counts = [bob.received, alice.received]
    bob.take(up)
    alice.take(down)
    const isReplayed = inputs.length > 0 && (counts[0]! > 0 || counts[1]! > 0)
    demand(
      isReplayed || (bob.received > counts[0]! && alice.received > counts[1]!),
      'the peer is not understood any more',
    )
  },
}
