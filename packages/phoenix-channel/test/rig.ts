import { type Instant, type Millis, seededRandom } from '@sallyport/sans-io'
import {
  PhoenixChannel,
  type PhoenixEvent,
  type PhoenixInput,
  type PhoenixOptions,
  type PhoenixTransmit,
} from '../src/index.ts'

export const URL = 'wss://portal.example:443/client/websocket?token=secret'

/** A channel with imaginary time and an imaginary WebSocket. */
export class Rig {
  readonly channel: PhoenixChannel
  now = 1000 as Instant
  readonly transmits: PhoenixTransmit[] = []
  readonly events: PhoenixEvent[] = []

  constructor(options: Partial<PhoenixOptions> = {}) {
    this.channel = new PhoenixChannel({
      topic: 'client',
      joinPayload: null,
      userAgent: 'Linux connlib/1.5.8',
      random: seededRandom(1),
      ...options,
    })
  }

  /** Connects and is answered well, up to and including the join. */
  static joined(options: Partial<PhoenixOptions> = {}): Rig {
    const rig = new Rig(options)
    rig.connect().open().acceptJoin()
    rig.take()
    return rig
  }

  connect(url: string = URL): this {
    this.channel.connect(url, this.now)
    return this.#drain()
  }

  push(event: string, payload: unknown = {}): this {
    this.channel.push(event, payload, this.now)
    return this.#drain()
  }

  close(): this {
    this.channel.close(this.now)
    return this.#drain()
  }

  input(input: PhoenixInput): this {
    this.channel.handleInput(input, this.now)
    return this.#drain()
  }

  open(): this {
    return this.input({ type: 'opened' })
  }

  receive(frame: unknown): this {
    return this.input({ type: 'frame', text: typeof frame === 'string' ? frame : JSON.stringify(frame) })
  }

  lose(reason = 'reset'): this {
    return this.input({ type: 'failed', reason, isCertificateInvalid: false })
  }

  refuse(status: number, retryAfter?: Millis): this {
    return this.input({ type: 'refused', status, retryAfter, body: 'because' })
  }

  /** Answers the join that was sent last. */
  acceptJoin(response: unknown = {}): this {
    return this.reply(this.sent('phx_join').at(-1)!.ref, { status: 'ok', response })
  }

  reply(ref: unknown, payload: unknown, topic = 'client'): this {
    return this.receive({ topic, event: 'phx_reply', ref, payload })
  }

  /** Lets time pass, stopping at each deadline on the way. */
  advance(length: number): this {
    const end = this.now + length
    for (let at = this.channel.pollTimeout(); at !== undefined && at <= end; at = this.channel.pollTimeout()) {
      this.now = Math.max(at, this.now) as Instant
      this.channel.handleTimeout(this.now)
      this.#drain()
    }
    this.now = end as Instant
    return this
  }

  /** Frames sent so far, those of one event if it is given. */
  sent(event?: string): { topic: string; event: string; payload: unknown; ref: number }[] {
    return this.transmits
      .filter(transmit => transmit.type === 'send')
      .map(transmit => JSON.parse(transmit.text))
      .filter(frame => event === undefined || frame.event === event)
  }

  attempts(): number {
    return this.transmits.filter(transmit => transmit.type === 'connect').length
  }

  event<Type extends PhoenixEvent['type']>(type: Type): Extract<PhoenixEvent, { type: Type }> | undefined {
    return this.events.findLast((event): event is Extract<PhoenixEvent, { type: Type }> => event.type === type)
  }

  /** Returns what was transmitted since the last time and forgets it, together with the events. */
  take(): PhoenixTransmit[] {
    this.events.length = 0
    return this.transmits.splice(0)
  }

  #drain(): this {
    for (let event = this.channel.pollEvent(); event !== undefined; event = this.channel.pollEvent())
      this.events.push(event)
    for (let out = this.channel.pollTransmit(); out !== undefined; out = this.channel.pollTransmit())
      this.transmits.push(out)
    return this
  }
}
