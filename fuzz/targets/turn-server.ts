import {
  Arena,
  type Instant,
  IpAddress,
  PacketBuffer,
  SocketAddress,
  seededRandom,
  type WallClock,
} from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
  CHANNEL_BIND,
  encodeStun,
  longTermKey,
  parseStun,
  REFRESH,
  type StunAttribute,
} from '@sallyport/stun'
import { fastCrypto as crypto } from '@sallyport/testkit'
import { formatUsername, relayPassword, TurnServer } from '@sallyport/turn-server'
import { resign } from '../resign.ts'
import { demand, type FuzzTarget } from '../target.ts'

const NOW = 1_000_000 as Instant
const SECRET = 'secret'
const USER = { expiry: '3384082800', salt: 'salt' }
const USERNAME = formatUsername(USER)
const KEY = longTermKey(USERNAME, 'firezone', relayPassword(USER, SECRET, crypto), crypto)
const SERVER = SocketAddress.of('203.0.113.101:3478')
const CLIENTS = ['203.0.113.7:52625', '203.0.113.8:1'].map(text => SocketAddress.of(text))
const PEER = SocketAddress.of('198.51.100.9:51820')
const LAYOUT = { capacity: 8, stride: 2048, headroom: 128 }

class Relay {
  readonly server = new TurnServer({
    addresses: { v4: IpAddress.of('203.0.113.101'), v6: IpAddress.of('2001:db8::101') },
    secret: SECRET,
    crypto,
    random: seededRandom(1),
    calendar: { instant: NOW, wallClock: 1_758_585_600_000 as WallClock },
    ports: { lowest: 50_000, highest: 50_007 },
    maxChannels: 16,
  })
  readonly #arena = Arena.ofLength(2 * LAYOUT.capacity * LAYOUT.stride)
  readonly #in = new PacketBuffer(this.#arena, { ...LAYOUT, start: 0 })
  readonly #out = new PacketBuffer(this.#arena, { ...LAYOUT, start: LAYOUT.capacity * LAYOUT.stride })
  #open = 0

  /** Sends a datagram as a client; returns the answers, and checks what is relayed. */
  ask(client: SocketAddress, bytes: Uint8Array): Uint8Array[] {
    if (bytes.length > this.#in.room) return []
    this.#in.clear()
    this.#out.clear()
    const index = this.#in.appendCopy(bytes)
    this.#in.local[index] = SERVER
    this.#in.remote[index] = client
    this.server.handleClientDatagrams(this.#in, this.#out, NOW)
    demand(this.#out.count <= 1, 'one datagram became several')
    for (let i = 0; i < this.#out.count; i++)
      demand(this.#out.length[i]! <= bytes.length, 'more is relayed than was sent')
    const answers: Uint8Array[] = []
    for (let out = this.server.pollTransmit(); out !== undefined; out = this.server.pollTransmit())
      answers.push(out.payload.slice())
    for (let event = this.server.pollEvent(); event !== undefined; event = this.server.pollEvent()) {
      if (event.type === 'open-port') this.#open++
      if (event.type === 'close-port') this.#open--
    }
    demand(answers.length <= 1, 'a request has several answers')
    demand(
      answers.every(({ length }) => length <= 512),
      'an answer is long',
    )
    demand(this.#open >= 0 && this.#open <= 16, 'ports are opened without bound')
    return answers
  }

  /** Allocates and binds a channel as a well-behaved client does. Returns all that it says. */
  use(client: SocketAddress): Uint8Array[] {
    const said: Uint8Array[] = []
    const [answer] = this.ask(client, request(ALLOCATE, [{ type: 'requested-transport', value: 17 }], '', said))
    const message = answer === undefined ? undefined : parseStun(answer)
    const nonce = message === undefined || typeof message === 'string' ? '' : (attributeOf(message, 'nonce') ?? '')
    this.ask(client, request(ALLOCATE, [{ type: 'requested-transport', value: 17 }], nonce, said))
    this.ask(
      client,
      request(
        CHANNEL_BIND,
        [
          { type: 'xor-peer-address', value: PEER },
          { type: 'channel-number', value: 0x4000 },
        ],
        nonce,
        said,
      ),
    )
    this.ask(client, request(REFRESH, [{ type: 'lifetime', value: 600 }], nonce, said))
    return said
  }
}

function request(method: number, attributes: StunAttribute[], nonce: string, said: Uint8Array[]): Uint8Array {
  const credentials: StunAttribute[] = [
    { type: 'username', value: USERNAME },
    { type: 'realm', value: 'firezone' },
    ...(nonce === '' ? [] : [{ type: 'nonce', value: nonce } as const]),
  ]
  const transactionId = new Uint8Array(12).fill(said.length)
  const bytes = encodeStun(
    { class: 'request', method: method as never, transactionId, attributes: [...attributes, ...credentials] },
    { crypto, key: KEY },
  )
  said.push(bytes)
  return bytes
}

/** A relay: strangers get one short answer at most, users no more than theirs, and a channel goes on working. */
export const turnServer: FuzzTarget = {
  seeds: () => [
    ...new Relay().use(CLIENTS[0]!),
    Uint8Array.of(0x40, 0, 0, 4, 1, 2, 3, 4),
    Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array<number>(12).fill(7)),
  ],
  repair: bytes => resign(bytes, KEY, crypto),
  run(inputs) {
    const relay = new Relay()
    relay.use(CLIENTS[0]!)
    for (const [i, bytes] of inputs.entries()) relay.ask(CLIENTS[i % CLIENTS.length]!, bytes)
    demand(relay.server.allocations <= 2, 'two clients have more than two allocations')
    for (let at = relay.server.pollTimeout(), rounds = 0; at !== undefined; at = relay.server.pollTimeout(), rounds++) {
      demand(rounds < 100, 'the relay never comes to rest')
      relay.server.handleTimeout(at)
    }
    demand(relay.server.allocations === 0, 'an allocation lives for ever')
  },
}
