import { portableCrypto } from '@sallyport/crypto'
import { add, type Instant, type Millis, SocketAddress, seededRandom, type Transmit, toHex } from '@sallyport/sans-io'
import {
  ALLOCATE,
  attributeOf,
  BINDING,
  CHANNEL_BIND,
  encodeStun,
  longTermKey,
  parseStun,
  REFRESH,
  type StunAttribute,
  type StunMessage,
} from '@sallyport/stun'
import { Allocation, type AllocationOptions } from '../src/index.ts'

export const V4: SocketAddress = SocketAddress.of('198.51.100.10:3478')
export const V6: SocketAddress = SocketAddress.of('[2001:db8::10]:3478')
export const LOCAL4: SocketAddress = SocketAddress.of('192.168.1.23:52625')
const LOCAL6: SocketAddress = SocketAddress.of('[2001:db8:2::23]:52625')
export const MAPPED4: SocketAddress = SocketAddress.of('203.0.113.7:40001')
export const RELAYED4: SocketAddress = SocketAddress.of('198.51.100.10:50000')
export const RELAYED6: SocketAddress = SocketAddress.of('[2001:db8::10]:50000')
export const PEER: SocketAddress = SocketAddress.of('203.0.113.9:51820')
export const PEER6: SocketAddress = SocketAddress.of('[2001:db8:9::9]:51820')

const CREDENTIALS = { username: '1759190400:salt', password: 'password', realm: 'firezone' }
const KEY = longTermKey(CREDENTIALS.username, CREDENTIALS.realm, CREDENTIALS.password, portableCrypto)
const NAMES: Readonly<Record<number, string>> = {
  [BINDING]: 'BINDING',
  [ALLOCATE]: 'ALLOCATE',
  [REFRESH]: 'REFRESH',
  [CHANNEL_BIND]: 'CHANNEL-BIND',
}

/** A request of the client's. */
export interface Sent {
  readonly name: string
  readonly to: SocketAddress
  readonly message: StunMessage
  readonly hex: string
}

/** An allocation whose server is played by the test. */
export class Script {
  now: Instant = 0 as Instant
  readonly client: Allocation
  readonly warnings: string[] = []

  constructor(options: Partial<AllocationOptions> = {}) {
    const warn = (_: unknown, message: string): number => this.warnings.push(message)
    this.client = new Allocation(
      {
        server: { v4: V4, v6: V6 },
        credentials: CREDENTIALS,
        software: 'test',
        crypto: portableCrypto,
        random: seededRandom(1),
        logger: { debug() {}, info() {}, warn, error() {} },
        ...options,
      },
      this.now,
    )
  }

  /** Takes all requests that the client wants to send. */
  sent(): Sent[] {
    const sent: Sent[] = []
    for (let out = this.client.pollTransmit(); out !== undefined; out = this.client.pollTransmit()) sent.push(read(out))
    return sent
  }

  /** Takes the one request that the client wants to send. */
  one(): Sent {
    const [request, ...more] = this.sent()
    if (request === undefined || more.length > 0) throw new Error('not one request')
    return request
  }

  /** The names of all requests that the client wants to send. */
  names(): string[] {
    return this.sent().map(({ name }) => name)
  }

  /** Takes the events, as text. */
  events(): string[] {
    const events: string[] = []
    for (let event = this.client.pollEvent(); event !== undefined; event = this.client.pollEvent())
      events.push(
        `${event.type === 'new-candidate' ? '+' : '-'}${event.candidate.kind}${event.candidate.address.family}`,
      )
    return events
  }

  /** Answers a request; `key` is what the answer is signed with. */
  answer(request: Sent, attributes: readonly StunAttribute[], error = false, key: Uint8Array | null = KEY): boolean {
    const { method, transactionId } = request.message
    const payload = encodeStun(
      { class: error ? 'error' : 'success', method, transactionId, attributes },
      { crypto: portableCrypto, ...(key && { key }) },
    )
    return this.client.handleInput(
      { local: request.to.family === 4 ? LOCAL4 : LOCAL6, remote: request.to, payload },
      this.now,
    )
  }

  refuse(request: Sent, code: number, more: readonly StunAttribute[] = [], key: Uint8Array | null = KEY): boolean {
    return this.answer(request, [{ type: 'error-code', value: { code, reason: 'no' } }, ...more], true, key)
  }

  /** 401 or 438. */
  challenge(request: Sent, code: 401 | 438, nonce: string, realm = 'firezone', key: Uint8Array | null = KEY): boolean {
    const more: StunAttribute[] = [
      { type: 'realm', value: realm },
      { type: 'nonce', value: nonce },
    ]
    return this.refuse(request, code, more, key)
  }

  answerBinding(request: Sent, mapped: SocketAddress = request.to.family === 4 ? MAPPED4 : LOCAL6): boolean {
    return this.answer(request, [{ type: 'xor-mapped-address', value: mapped }], false, null)
  }

  answerAllocate(request: Sent, relayed: readonly SocketAddress[] = [RELAYED4, RELAYED6], lifetime = 600): boolean {
    return this.answer(request, [
      ...relayed.map(value => ({ type: 'xor-relayed-address', value }) as const),
      { type: 'lifetime', value: lifetime },
    ])
  }

  answerRefresh(request: Sent, lifetime = 600): boolean {
    return this.answer(request, [{ type: 'lifetime', value: lifetime }])
  }

  /** Lets time pass, waking the client when it wants to be. Returns what it sends, by name and time since the start. */
  wait(length: Millis): string[] {
    const end = add(this.now, length)
    const sent: string[] = []
    for (let next = this.client.pollTimeout(); next !== undefined && next <= end; next = this.client.pollTimeout()) {
      this.now = Math.max(this.now, next) as Instant
      this.client.handleTimeout(this.now)
      for (const { name } of this.sent()) sent.push(`${name} at ${this.now}`)
    }
    this.now = end
    return sent
  }

  /** Gets as far as a client over IPv4 whose ALLOCATE has left. */
  static allocating(options: Partial<AllocationOptions> = {}): { script: Script; allocate: Sent } {
    const script = new Script({ server: { v4: V4 }, ...options })
    script.answerBinding(script.one())
    script.events()
    return { script, allocate: script.one() }
  }

  /** Gets as far as a client over IPv4 with an allocation. */
  static allocated(relayed?: readonly SocketAddress[], options: Partial<AllocationOptions> = {}): Script {
    const { script, allocate } = Script.allocating(options)
    script.answerAllocate(allocate, relayed)
    script.events()
    return script
  }

  /** Gets as far as a client with a channel to {@link PEER}. */
  static bound(): Script {
    const script = Script.allocated()
    script.client.bindChannel(PEER, script.now)
    script.answer(script.one(), [])
    return script
  }
}

function read({ remote, payload }: Transmit): Sent {
  const message = parseStun(payload)
  if (typeof message === 'string') throw new Error(message)
  const isFree = message.method === REFRESH && attributeOf(message, 'lifetime') === 0
  return { name: isFree ? 'FREE' : NAMES[message.method]!, to: remote, message, hex: toHex(payload) }
}
