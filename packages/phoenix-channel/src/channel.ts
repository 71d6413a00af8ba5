import {
  add,
  BoundedQueue,
  copyBytes,
  type Instant,
  type Logger,
  type Millis,
  millis,
  minutes,
  type Random,
  type SansIo,
  seconds,
  silentLogger,
  TimerTable,
  unreachable,
} from '@sallyport/sans-io'
import { Backoff, type BackoffOptions } from './backoff.ts'
import { disconnectReason, encodeFrame, type PhoenixFrame, type PhoenixReply, parseFrame, parseReply } from './frame.ts'
import type { PhoenixEvent, PhoenixFailure, PhoenixInput, PhoenixTransmit } from './port.ts'

/** How a channel behaves. */
export interface PhoenixOptions {
  /** The topic to join: `client`, `gateway` or `relay`. */
  readonly topic: string
  /** What to join with; clients and gateways: `null`. */
  readonly joinPayload: unknown
  /** The `User-Agent` header. Characters other than printable ASCII are left out. */
  readonly userAgent: string
  readonly random: Random
  /** How an outage is dealt with. */
  readonly backoff?: BackoffOptions
  /** How long {@link PhoenixChannel.close} waits for the closing handshake. Default: 200 ms. */
  readonly closeTimeout?: Millis
  readonly logger?: Logger
}

/** How long TCP, TLS and the upgrade may take together. */
export const CONNECT_TIMEOUT: Millis = seconds(15)

/** How long the answer to a join may take. */
export const JOIN_TIMEOUT: Millis = seconds(5)

/** After how long without a message of ours a heartbeat is sent. The portal closes gateways after 37 s of silence. */
export const HEARTBEAT_INTERVAL: Millis = seconds(30)

/** How many messages may wait for a join; one that finds more than these waiting clears them away first. */
export const MAX_QUEUED_MESSAGES = 32

/** The longest wait that a `Retry-After` header is granted. */
const MAX_RETRY_AFTER = minutes(60)

/** Where a channel is in its life. */
export type PhoenixState = 'closed' | 'connecting' | 'joining' | 'joined' | 'waiting' | 'closing' | 'failed'

/**
 * One Phoenix channel on a WebSocket of its own, which is made anew whenever it is lost.
 *
 * ```text
 * closed ──connect──▶ connecting ──opened──▶ joining ──ok──▶ joined ──close──▶ closing ──▶ closed
 *                        ▲  │ │                 │               │
 *                        │  │ └── refused ──▶ failed ◀──────────┤ token expired, join refused
 *                        │  ▼                   │               │
 *                        └─ waiting ◀───────────┴── lost ───────┘
 * ```
 *
 * Nothing but joins is sent while a join is unanswered: the portal handles messages in parallel and would drop those of
 * a topic that isn't joined yet. Messages wait in a queue that survives reconnects.
 */
export class PhoenixChannel implements SansIo<PhoenixInput, PhoenixTransmit, PhoenixEvent> {
  readonly #options: PhoenixOptions
  readonly #logger: Logger
  readonly #timers = new TimerTable<'connect' | 'join' | 'heartbeat' | 'retry' | 'close'>()
  readonly #transmits = new BoundedQueue<PhoenixTransmit>(1024)
  readonly #events = new BoundedQueue<PhoenixEvent>(1024)
  readonly #queue = new BoundedQueue<string>(MAX_QUEUED_MESSAGES + 1)
  #state: PhoenixState = 'closed'
  #url = ''
  #nextRef = 0
  #joinRef: number | undefined
  /** The heartbeat that is to be answered before the next one is due. */
  #heartbeatRef: number | undefined
  /** Exists from the first failure of an outage to the next join. */
  #backoff: Backoff | undefined

  constructor(options: PhoenixOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  get state(): PhoenixState {
    return this.#state
  }

  /**
   * Connects to `url`, at once and whatever the state: an earlier connection is cut and an outage forgotten.
   *
   * Does nothing while an attempt at the same URL is under way.
   */
  connect(url: string, now: Instant): void {
    if (this.#state === 'connecting' && this.#url === url) return
    this.#url = url
    this.#backoff = undefined
    this.#open(now)
  }

  /**
   * Sends a message on the channel's topic as soon as it is joined.
   *
   * Returns the number that a {@link PhoenixEvent} of type `reply` will carry, should the portal answer.
   */
  push(event: string, payload: unknown, now: Instant): number {
    const ref = this.#nextRef++
    this.#enqueue(encodeFrame(this.#options.topic, event, payload, ref))
    this.#flush(now)
    return ref
  }

  /** Closes the channel; an event of type `closed` tells when that is done. Harmless when it already is. */
  close(now: Instant): void {
    switch (this.#state) {
      case 'joining':
      case 'joined':
        this.#enter('closing')
        this.#transmits.push({ type: 'close', code: 1000 })
        this.#timers.set('close', add(now, this.#options.closeTimeout ?? millis(200)))
        return
      case 'connecting':
      case 'waiting':
        this.#transmits.push({ type: 'drop' })
        this.#enter('closed')
        this.#events.push({ type: 'closed' })
        return
      case 'closing':
      case 'closed':
      case 'failed':
        return
      default:
        unreachable(this.#state)
    }
  }

  handleInput(input: PhoenixInput, now: Instant): boolean {
    switch (input.type) {
      case 'opened':
        if (this.#state === 'connecting') this.#join(now)
        return true
      case 'frame':
        this.#handleText(input.text, now)
        return true
      case 'ping':
        this.#transmits.push({ type: 'pong', payload: copyBytes(input.payload) })
        return true
      case 'pong':
        return true
      case 'refused':
        if (this.#state === 'connecting') this.#handleRefusal(input, now)
        return true
      case 'closed':
        this.#lose(`connection closed (${input.code}${input.reason === '' ? '' : ` ${input.reason}`})`, now)
        return true
      case 'failed':
        if (input.isCertificateInvalid && this.#state === 'connecting')
          this.#fail({ type: 'certificate-invalid', reason: input.reason })
        else this.#lose(input.reason, now)
        return true
      default:
        return unreachable(input)
    }
  }

  handleTimeout(now: Instant): void {
    for (const timer of this.#timers.takeDue(now)) {
      switch (timer) {
        case 'connect':
          this.#cut('timed out while connecting', now)
          break
        case 'join':
          this.#cut('portal did not answer the join', now)
          break
        case 'heartbeat':
          this.#handleHeartbeat(now)
          break
        case 'retry':
          this.#open(now)
          break
        case 'close':
          this.#transmits.push({ type: 'drop' })
          this.#lose('closing handshake timed out', now)
          break
        default:
          unreachable(timer)
      }
    }
  }

  pollTransmit(): PhoenixTransmit | undefined {
    return this.#transmits.shift()
  }

  pollEvent(): PhoenixEvent | undefined {
    return this.#events.shift()
  }

  pollTimeout(): Instant | undefined {
    return this.#timers.next
  }

  #open(now: Instant): void {
    this.#enter('connecting')
    this.#transmits.push({ type: 'connect', url: this.#url, headers: this.#headers() })
    this.#timers.set('connect', add(now, CONNECT_TIMEOUT))
  }

  #headers(): Record<string, string> {
    const host = /^\w+:\/\/([^/?#]*?)(?::\d+)?(?:[/?#]|$)/.exec(this.#url)?.[1] ?? '' // the original sends no port
    return { Host: host, 'User-Agent': this.#options.userAgent.replace(/[^\x20-\x7e]/g, '') }
  }

  #join(now: Instant): void {
    this.#enter('joining')
    this.#joinRef = this.#nextRef++
    const { topic, joinPayload } = this.#options
    this.#transmits.push({ type: 'send', text: encodeFrame(topic, 'phx_join', joinPayload, this.#joinRef) })
    this.#timers.set('join', add(now, JOIN_TIMEOUT))
    this.#timers.set('heartbeat', add(now, HEARTBEAT_INTERVAL))
  }

  #handleText(text: string, now: Instant): void {
    if (this.#state !== 'joining' && this.#state !== 'joined') return
    const frame = parseFrame(text)
    if (frame === 'truncated') this.#cut('portal sent a truncated message', now)
    else if (typeof frame === 'string') this.#logger.debug({ defect: frame }, 'ignored a frame')
    else this.#handleFrame(frame, now)
  }

  #handleFrame(frame: PhoenixFrame, now: Instant): void {
    this.#heartbeatRef = undefined // any frame proves that the portal is there
    switch (frame.event) {
      case 'phx_reply':
        this.#handleReply(frame, now)
        break
      case 'phx_close':
        this.#cut('portal closed the channel', now)
        break
      case 'phx_error':
        // The next message will be answered with "unmatched topic", on which we join again.
        this.#logger.debug({ topic: frame.topic }, 'channel crashed at the portal')
        break
      case 'disconnect':
        if (disconnectReason(frame.payload) === 'token_expired') this.#fail({ type: 'token-expired' })
        else this.#logger.debug({ payload: frame.payload }, 'ignored a disconnect')
        break
      default:
        this.#events.push({ type: 'message', topic: frame.topic, event: frame.event, payload: frame.payload })
    }
  }

  #handleReply(frame: PhoenixFrame, now: Instant): void {
    const reply = parseReply(frame.payload)
    if (reply === undefined || frame.ref === undefined) this.#logger.debug({}, 'ignored a reply')
    else if (this.#state === 'joining' && frame.ref === this.#joinRef) this.#handleJoinReply(reply, now)
    else if (frame.topic === this.#options.topic) {
      const error = reply.status === 'error' ? reply.reason : undefined
      this.#events.push({ type: 'reply', ref: frame.ref, error })
      if (error === 'unmatched topic' && this.#state === 'joined') this.#join(now)
    }
  }

  #handleJoinReply(reply: PhoenixReply, now: Instant): void {
    if (reply.status === 'ok') this.#handleJoined(now)
    else this.#fail({ type: 'login-failed', reason: reply.reason })
  }

  #handleJoined(now: Instant): void {
    this.#timers.stop('join')
    this.#joinRef = undefined
    this.#backoff = undefined // only here: a portal that accepts upgrades but no joins is still out
    this.#state = 'joined'
    this.#events.push({ type: 'joined' })
    this.#flush(now)
  }

  #handleHeartbeat(now: Instant): void {
    if (this.#heartbeatRef !== undefined) {
      this.#cut('portal did not answer a heartbeat', now)
      return
    }
    this.#timers.set('heartbeat', add(now, HEARTBEAT_INTERVAL))
    this.#heartbeatRef = this.#nextRef++
    this.#enqueue(encodeFrame('phoenix', 'heartbeat', {}, this.#heartbeatRef))
    this.#flush(now)
    this.#events.push({ type: 'heartbeat' })
  }

  #handleRefusal(refusal: Extract<PhoenixInput, { type: 'refused' }>, now: Instant): void {
    const { status, body, retryAfter } = refusal
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) this.#fail({ type: 'refused', status, body })
    else this.#lose(`portal answered with status ${status}`, now, retryAfter)
  }

  /** Gives up a connection that looks alive to the adapter. */
  #cut(reason: string, now: Instant): void {
    this.#transmits.push({ type: 'drop' })
    this.#lose(reason, now)
  }

  #lose(reason: string, now: Instant, retryAfter?: Millis): void {
    switch (this.#state) {
      case 'closing':
        this.#enter('closed')
        this.#events.push({ type: 'closed' })
        return
      case 'connecting':
      case 'joining':
      case 'joined':
        this.#retry(reason, now, retryAfter)
        return
      case 'waiting':
      case 'closed':
      case 'failed':
        return
      default:
        unreachable(this.#state)
    }
  }

  #retry(reason: string, now: Instant, retryAfter: Millis | undefined): void {
    const isFirst = this.#backoff === undefined
    this.#backoff ??= new Backoff(this.#options.backoff ?? {}, this.#options.random, now)
    const delay = this.#delay(this.#backoff, isFirst, now, retryAfter)
    if (delay === undefined) {
      this.#fail({ type: 'retries-exhausted', reason })
      return
    }
    this.#enter('waiting')
    this.#events.push({ type: 'disconnected', reason, retryAt: add(now, delay) })
    if (delay === 0) this.#open(now)
    else this.#timers.set('retry', add(now, delay))
  }

  #delay(backoff: Backoff, isFirst: boolean, now: Instant, retryAfter: Millis | undefined): Millis | undefined {
    if (retryAfter !== undefined) {
      const delay = millis(Math.max(1, Math.min(retryAfter, MAX_RETRY_AFTER)))
      return backoff.permits(delay, now) ? delay : undefined
    }
    return isFirst ? millis(0) : backoff.next(now)
  }

  #fail(failure: PhoenixFailure): void {
    this.#transmits.push({ type: 'drop' })
    this.#enter('failed')
    this.#events.push({ type: 'failed', failure })
  }

  /** Changes to a state in which nothing is under way yet. */
  #enter(state: PhoenixState): void {
    this.#state = state
    this.#joinRef = undefined
    this.#heartbeatRef = undefined
    for (const timer of ['connect', 'join', 'heartbeat', 'retry', 'close'] as const) this.#timers.stop(timer)
  }

  #enqueue(text: string): void {
    if (this.#queue.length > MAX_QUEUED_MESSAGES) {
      this.#logger.debug({ count: this.#queue.length }, 'cleared the queue of messages to the portal')
      this.#queue.clear()
    }
    this.#queue.push(text)
  }

  #flush(now: Instant): void {
    if (this.#state !== 'joined') return
    for (let text = this.#queue.shift(); text !== undefined; text = this.#queue.shift()) {
      this.#transmits.push({ type: 'send', text })
      this.#timers.set('heartbeat', add(now, HEARTBEAT_INTERVAL))
    }
  }
}
