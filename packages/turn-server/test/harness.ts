import { portableCrypto } from '@sallyport/crypto'
import {
  type Instant,
  IpAddress,
  PacketBuffer,
  SocketAddress,
  type StunCrypto,
  type Transmit,
  toHex,
  utf8,
  type WallClock,
} from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
  attributesOf,
  CHANNEL_BIND,
  encodeStun,
  longTermKey,
  parseStun,
  REFRESH,
  type StunAttribute,
  type StunMessage,
  verifyIntegrity,
} from '@sallyport/stun'
import { relayPassword, TurnServer, type TurnServerEvent, type TurnServerOptions } from '../src/index.ts'

/** The secret, the user and the addresses of the published exchange. */
export const SECRET = '4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab'
export const USER = { expiry: '3384082800', salt: 'uvdgKvS9GXYZ_vmv' }
export const USERNAME = '3384082800:uvdgKvS9GXYZ_vmv'
export const NIL_NONCE = '00000000-0000-0000-0000-000000000000'
export const CLIENT: SocketAddress = SocketAddress.of('203.0.113.7:52625')
export const CLIENT6: SocketAddress = SocketAddress.of('[2001:db8::7]:52625')
export const RELAY: SocketAddress = SocketAddress.of('203.0.113.101:3478')
export const RELAY6: SocketAddress = SocketAddress.of('[2001:db8::101]:3478')
export const PEER: SocketAddress = SocketAddress.of('198.51.100.9:51820')
export const PEER6: SocketAddress = SocketAddress.of('[2001:db8:1::9]:51820')
export const NOW: Instant = 1_000_000 as Instant
export const TODAY: WallClock = Date.UTC(2026, 0, 1) as WallClock
export const V4: IpAddress = IpAddress.of('203.0.113.101')
export const V6: IpAddress = IpAddress.of('2001:db8::101')

/** A generator that returns zeros, so that what is drawn is known. */
const zeros = (out: Uint8Array): void => {
  out.fill(0)
}

/** Crypto with which a nonce of the first second is {@link NIL_NONCE}, whoever it is for. */
export const nilNonces: StunCrypto = { ...portableCrypto, hmacSha256: () => new Uint8Array(32) }

/** A dual-stack server that calls itself as in the published exchange. */
export function newServer(options: Partial<TurnServerOptions> = {}): TurnServer {
  return new TurnServer({
    addresses: { v4: V4, v6: V6 },
    secret: SECRET,
    crypto: nilNonces,
    random: zeros,
    calendar: { instant: NOW, wallClock: TODAY },
    software: 'firezone-relay; rev=xxxx',
    ...options,
  })
}

/** The long-term key of {@link USER}. */
export const KEY: Uint8Array = longTermKey(
  USERNAME,
  'firezone',
  relayPassword(USER, SECRET, portableCrypto),
  portableCrypto,
)

/** USERNAME, REALM and NONCE. */
export const credentials = (nonce: string | null = NIL_NONCE, username: string = USERNAME): StunAttribute[] => [
  { type: 'username', value: username },
  { type: 'realm', value: 'firezone' },
  ...(nonce === null ? [] : [{ type: 'nonce', value: nonce } as const]),
]

let transactions = 0

/** Encodes a request with a transaction id of its own, signed if `key` is given. */
export function request(method: number, attributes: readonly StunAttribute[], key?: Uint8Array): Uint8Array {
  const transactionId = utf8((transactions++).toString().padStart(12, '0'))
  return encodeStun(
    { class: 'request', method, transactionId, attributes },
    { crypto: portableCrypto, ...(key && { key }) },
  )
}

export const UDP_TRANSPORT: StunAttribute = { type: 'requested-transport', value: 17 }
export const ALSO_IPV6: StunAttribute = { type: 'additional-address-family', value: 6 }

/** What the server says, in a form to compare. */
export interface Answer {
  readonly to: string
  readonly code: number | 'success'
  readonly message: StunMessage
  readonly isSigned: boolean
}

/** A server together with one who talks to it. */
export class Conversation {
  readonly server: TurnServer
  now: Instant = NOW

  constructor(server: TurnServer = newServer()) {
    this.server = server
  }

  /** Sends a datagram and returns the answer, if there is exactly one. */
  say(payload: Uint8Array, from: SocketAddress = CLIENT): Answer | undefined {
    const local = from.family === 4 ? RELAY : RELAY6
    this.server.handleInput({ local, remote: from, payload }, this.now)
    return this.answer()
  }

  answer(): Answer | undefined {
    const transmit = this.server.pollTransmit()
    if (transmit === undefined) return undefined
    const second = this.server.pollTransmit()
    if (second !== undefined) throw new Error('two answers')
    return readAnswer(transmit)
  }

  /** Asks with credentials and a nonce that works. */
  ask(method: number, attributes: readonly StunAttribute[], from: SocketAddress = CLIENT): Answer {
    const challenged = this.say(request(method, [...required(method), ...credentials(null)], KEY), from)!
    const nonce = attributeOf(challenged.message, 'nonce')!
    return this.say(request(method, [...attributes, ...credentials(nonce)], KEY), from)!
  }

  allocate(attributes: readonly StunAttribute[] = [ALSO_IPV6], from: SocketAddress = CLIENT): Answer {
    return this.ask(ALLOCATE, [UDP_TRANSPORT, ...attributes], from)
  }

  refresh(lifetime?: number, from: SocketAddress = CLIENT): Answer {
    return this.ask(REFRESH, lifetime === undefined ? [] : [{ type: 'lifetime', value: lifetime }], from)
  }

  bind(channel: number, peer: SocketAddress, from: SocketAddress = CLIENT): Answer {
    const attributes: StunAttribute[] = [
      { type: 'channel-number', value: channel },
      { type: 'xor-peer-address', value: peer },
    ]
    return this.ask(CHANNEL_BIND, attributes, from)
  }

  events(): TurnServerEvent[] {
    const events: TurnServerEvent[] = []
    for (let event = this.server.pollEvent(); event !== undefined; event = this.server.pollEvent()) events.push(event)
    return events
  }

  /** Lets time pass up to `instant`, waking the server whenever it wants to be. */
  advanceTo(instant: number): void {
    for (
      let next = this.server.pollTimeout();
      next !== undefined && next <= instant;
      next = this.server.pollTimeout()
    ) {
      this.now = next
      this.server.handleTimeout(next)
    }
    this.now = instant as Instant
    this.server.handleTimeout(this.now)
  }

  /** Sends datagrams through the data plane, as the batches of one wake-up. */
  relay(from: SocketAddress, payload: Uint8Array, port?: number, segmentSize = 0): Relayed[] {
    const batch = newBatch()
    const index = batch.datagrams.appendCopy(payload)
    batch.datagrams.remote[index] = from
    batch.datagrams.local[index] = from.family === 4 ? RELAY : RELAY6
    batch.datagrams.segmentSize[index] = segmentSize
    if (port === undefined) this.server.handleClientDatagrams(batch.datagrams, batch.out, this.now)
    else this.server.handlePeerDatagrams(port, batch.datagrams, batch.out)
    return relayed(batch.out)
  }
}

const required = (method: number): readonly StunAttribute[] => {
  if (method === ALLOCATE) return [UDP_TRANSPORT]
  if (method === CHANNEL_BIND)
    return [
      { type: 'channel-number', value: 0x4000 },
      { type: 'xor-peer-address', value: PEER },
    ]
  return []
}

/** Reads one response. */
function readAnswer({ remote, payload }: Transmit): Answer {
  const message = parseStun(payload)
  if (typeof message === 'string') throw new Error(`the server's answer is ${message}`)
  return {
    to: remote.key,
    code: message.class === 'success' ? 'success' : attributeOf(message, 'error-code')!.code,
    message,
    isSigned: verifyIntegrity(message, KEY, portableCrypto),
  }
}

/** The relayed addresses of an ALLOCATE's answer. */
export const relayedAddresses = ({ message }: Answer): string[] =>
  attributesOf(message, 'xor-relayed-address').map(({ key }) => key)

/** What would leave, with its header. */
export interface Relayed {
  readonly socket: number
  readonly to: string | undefined
  readonly hex: string
}

/** A batch to receive into and one for the verdicts, as an app lays them out. */
export function newBatch(): { readonly datagrams: PacketBuffer; readonly out: PacketBuffer } {
  const datagrams = PacketBuffer.alone({ capacity: 8, stride: 8_192, headroom: 0 })
  const out = new PacketBuffer(datagrams.arena, { start: 7 * 8_192, capacity: 64, stride: 64, headroom: 0 })
  return { datagrams, out }
}

/** Returns what a batch of verdicts says. */
export function relayed(out: PacketBuffer): Relayed[] {
  return Array.from({ length: out.count }, (_, i) => {
    const header = out.headerOffset[i]!
    const head = out.headerLength[i]
      ? out.arena.bytes.subarray(header, header + out.headerLength[i]!)
      : new Uint8Array()
    return { socket: out.peer[i]!, to: out.remote[i]?.key, hex: toHex(head) + toHex(out.bytesOf(i)) }
  })
}
