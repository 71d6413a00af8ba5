import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from '@sallyport/ip-packet'
import { add, earliest, type Instant, type Millis, type SocketAddress } from '@sallyport/sans-io'
import { ChallengeLimit } from './challenge-limit.ts'
import { Receiver } from './receiver.ts'
import { makeReset, makeSegment, type Segment, synOptions } from './segment.ts'
import { Sender } from './sender.ts'
import { addSequence } from './sequence-number.ts'
import { mayReceive, nextState, type TcpState, type TcpTurn } from './tcp-state.ts'

/** Why a connection has ended: by both sides' FIN, or otherwise. */
export type CloseReason = 'finished' | 'reset' | 'refused' | 'timed-out' | 'aborted'

/** What a connection has to tell, each at most once until it is heard. */
export type ConnectionEvent = 'connected' | 'readable' | 'writable' | 'closed'

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  /** The longest packet in bytes, IP header included. */
  readonly mtu: number
  readonly initialSequence: number
  /** Bytes of the send buffer. */
  readonly sendBuffer: number
  /** Bytes of the receive buffer, up to 2^30. */
  readonly receiveBuffer: number
  /** How long a connection that we have closed first is kept. */
  readonly timeWait: Millis
}

/**
 * One TCP connection (RFC 9293 §3.10), without its surroundings: segments in, packets out.
 *
 * Packets are made when they are polled, from what the halves say at that moment: nothing queues here.
 */
export class Connection {
  readonly local: SocketAddress
  readonly remote: SocketAddress
  readonly #timeWait: Millis
  readonly #mss: number
  readonly #windowScale: number
  readonly #sender: Sender
  readonly #receiver: Receiver
  readonly #challenges = new ChallengeLimit()
  readonly #events: ConnectionEvent[] = []
  #state: TcpState = 'syn-sent'
  #reason: CloseReason | undefined
  #scalesWindows = true
  #wantsRoom = false
  #reset: Uint8Array | undefined
  #timeWaitUntil: Instant | undefined

  /** Opens a connection: its SYN is polled next. */
  constructor(options: ConnectionOptions) {
    this.local = options.local
    this.remote = options.remote
    this.#timeWait = options.timeWait
    this.#mss = options.mtu - (options.local.family === 4 ? 40 : 60)
    this.#windowScale = windowScaleFor(options.receiveBuffer)
    this.#sender = new Sender(options.initialSequence, options.sendBuffer)
    this.#receiver = new Receiver(options.receiveBuffer, this.#mss)
  }

  /** Makes the connection that a SYN to a listener asks for: its answer is polled next. */
  static answer(options: ConnectionOptions, syn: Segment): Connection {
    const connection = new Connection(options)
    connection.#takeSyn(syn)
    return connection
  }

  /** Its state (RFC 9293 §3.3.2). */
  get state(): TcpState {
    return this.#state
  }

  /** Why it has ended; set with the `closed` event. */
  get reason(): CloseReason | undefined {
    return this.#reason
  }

  /** How many bytes can be read. */
  get readable(): number {
    return this.#receiver.readable
  }

  /** Whether the peer has sent all it will, and it has been read. */
  get isEnded(): boolean {
    return this.readable === 0 && (this.#receiver.isFinished || this.#state === 'closed')
  }

  /** How many bytes can be written. */
  get writable(): number {
    return this.#state === 'closed' ? 0 : this.#sender.free
  }

  /** The next sequence number that the peer is expected to send. */
  get expected(): number {
    return this.#receiver.next
  }

  /** Takes as many bytes as fit, and returns how many. */
  write(bytes: Uint8Array): number {
    const count = this.#state === 'closed' ? 0 : this.#sender.write(bytes)
    if (count < bytes.length) this.#wantsRoom = true
    return count
  }

  /** Moves bytes that have arrived to `into` and returns how many. */
  read(into: Uint8Array): number {
    return this.#receiver.read(into)
  }

  /** Says that nothing more will be written: a FIN follows what was. */
  shutdown(): void {
    if (this.#state === 'closed') return
    this.#sender.finish()
    this.#turn('shutdown')
  }

  /** Ends it at once, with a reset for the peer. */
  abort(): void {
    if (this.#state === 'closed') return
    const { local, remote } = this
    if (this.#state !== 'syn-sent' && this.#state !== 'time-wait')
      this.#reset = makeSegment(local, remote, {
        sequence: this.#sender.next,
        acknowledgement: this.#receiver.next,
        flags: TCP_RST | TCP_ACK,
      })
    this.#close('aborted')
  }

  /** Ends it without a word. */
  forget(): void {
    this.#close('aborted')
  }

  /** Takes a segment of this connection (RFC 9293 §3.10.7). */
  handleSegment(segment: Segment, now: Instant): void {
    if (this.#state === 'closed') return
    if (this.#state === 'syn-sent') this.#handleInSynSent(segment, now)
    else if (!this.#receiver.isAcceptable(segment)) this.#handleUnacceptable(segment, now)
    else if (segment.isRst) this.#handleReset(segment, now)
    else if (segment.isSyn)
      this.#challenge(now) // RFC 5961 §4
    else if (segment.isAck) this.#handleAcceptable(segment, now)
  }

  /** Advances every timer that is due at `now`. */
  handleTimeout(now: Instant): void {
    if (this.#state === 'closed') return
    if (this.#timeWaitUntil !== undefined && this.#timeWaitUntil <= now) {
      this.#close('finished')
      return
    }
    this.#receiver.handleTimeout(now)
    if (this.#sender.handleTimeout(now)) this.#close('timed-out')
  }

  /** When {@link handleTimeout} is next due. */
  pollTimeout(): Instant | undefined {
    if (this.#state === 'closed') return undefined
    return earliest(this.#timeWaitUntil, this.#receiver.deadline, this.#sender.deadline)
  }

  /** Makes the next packet that may leave at `now`. To be called until there is none, after whatever happened. */
  pollTransmit(now: Instant): Uint8Array | undefined {
    if (this.#reset !== undefined) {
      const reset = this.#reset
      this.#reset = undefined
      return reset
    }
    if (this.#state === 'closed') return undefined
    const piece = this.#state === 'time-wait' ? undefined : this.#sender.poll(now)
    if (piece === undefined) return this.#receiver.mustAcknowledge ? this.#makeAcknowledgement() : undefined
    const { sequence, isSyn, isFin, isLast, payload } = piece
    const isFirst = this.#state === 'syn-sent'
    const push = isLast && payload !== undefined ? TCP_PSH : 0
    return makeSegment(this.local, this.remote, {
      sequence,
      acknowledgement: isFirst ? 0 : this.#receiver.next,
      flags: (isSyn ? TCP_SYN : 0) | (isFirst ? 0 : TCP_ACK) | (isFin ? TCP_FIN : 0) | push,
      window: this.#receiver.advertise(isSyn),
      ...(isSyn ? { options: synOptions(this.#mss, this.#scalesWindows ? this.#windowScale : -1) } : {}),
      ...(payload === undefined ? {} : { payload }),
    })
  }

  /** Whether {@link pollEvent} has an answer. */
  get hasEvents(): boolean {
    return this.#events.length > 0
  }

  /** Takes the next thing that its owner should know. */
  pollEvent(): ConnectionEvent | undefined {
    return this.#events.shift()
  }

  /** RFC 9293 §3.10.7.3. */
  #handleInSynSent(segment: Segment, now: Instant): void {
    const answersUs = segment.isAck && this.#sender.acknowledgesSyn(segment.acknowledgement)
    if (segment.isAck && !answersUs) {
      this.#reset = makeReset(this.local, this.remote, segment)
      return
    }
    if (segment.isRst) {
      if (answersUs) this.#close('refused')
      return
    }
    if (!segment.isSyn) return
    this.#takeSyn(segment)
    if (!answersUs) return // simultaneous open: our SYN leaves again, with an acknowledgement of theirs
    this.#sender.handleAck(segment, now)
    this.#receiver.acknowledge()
    this.#becomeSynchronized()
  }

  #handleAcceptable(segment: Segment, now: Instant): void {
    if (this.#state === 'syn-received' && !this.#synchronize(segment)) return
    const { free } = this.#sender
    if (!this.#sender.handleAck(segment, now)) {
      this.#challenge(now)
      return
    }
    if (this.#wantsRoom && this.#sender.free > free) {
      this.#wantsRoom = false
      this.#tell('writable')
    }
    if (this.#sender.isFinAcknowledged) this.#turn('fin-acknowledged', now)
    this.#takeText(segment, now)
  }

  #takeSyn(segment: Segment): void {
    this.#receiver.begin(segment.sequence)
    this.#scalesWindows = segment.windowScale >= 0
    if (this.#scalesWindows) this.#receiver.scaleBy(this.#windowScale)
    const defaultMss = this.local.family === 4 ? 536 : 1220 // RFC 9293 §3.7.1
    this.#sender.negotiate(Math.min(segment.mss || defaultMss, this.#mss), Math.max(0, segment.windowScale))
    this.#sender.repeatSyn()
    this.#turn('syn-received')
  }

  /** Returns whether the acknowledgement of our SYN is good, which else is answered by a reset. */
  #synchronize(segment: Segment): boolean {
    if (!this.#sender.acknowledgesSyn(segment.acknowledgement)) {
      this.#reset = makeReset(this.local, this.remote, segment)
      return false
    }
    this.#becomeSynchronized()
    return true
  }

  #becomeSynchronized(): void {
    this.#turn('synchronized')
    this.#tell('connected')
    if (this.#sender.isFinQueued) this.#turn('shutdown')
  }

  #handleUnacceptable(segment: Segment, now: Instant): void {
    if (segment.isRst) return
    const isRepeatedSyn = this.#state === 'syn-received' && segment.isSyn && !segment.isAck
    if (isRepeatedSyn && addSequence(segment.sequence, 1) === this.#receiver.next) {
      this.#sender.repeatSyn()
      return
    }
    if (this.#state === 'time-wait' && segment.isFin) this.#timeWaitUntil = add(now, this.#timeWait)
    this.#challenge(now)
  }

  /** Only the exact next sequence number resets; what is merely near is asked to confirm (RFC 5961 §3.2). */
  #handleReset(segment: Segment, now: Instant): void {
    if (this.#state === 'time-wait') return // RFC 1337 §3: it would be cut short by an old one
    if (segment.sequence !== this.#receiver.next) this.#challenge(now)
    else this.#close(this.#state === 'syn-received' ? 'refused' : 'reset')
  }

  #takeText(segment: Segment, now: Instant): void {
    if (!mayReceive(this.#state)) {
      if (segment.length > 0) this.#challenge(now)
      return
    }
    if (this.#receiver.accept(segment, now)) this.#tell('readable')
    if (this.#receiver.isFinished) this.#turn('fin-received', now)
  }

  #challenge(now: Instant): void {
    if (this.#challenges.allows(now)) this.#receiver.acknowledge()
  }

  #makeAcknowledgement(): Uint8Array {
    const window = this.#receiver.advertise(false)
    const { next: acknowledgement } = this.#receiver
    return makeSegment(this.local, this.remote, {
      sequence: this.#sender.next,
      acknowledgement,
      flags: TCP_ACK,
      window,
    })
  }

  #turn(turn: TcpTurn, now?: Instant): void {
    const from = this.#state
    const to = nextState(from, turn)
    if (to === from) return
    this.#state = to
    if (to === 'time-wait') {
      this.#timeWaitUntil = add(now!, this.#timeWait)
      this.#reason = 'finished'
      this.#tell('closed')
    } else if (to === 'closed') this.#close('finished')
  }

  #close(reason: CloseReason): void {
    this.#state = 'closed'
    if (this.#reason !== undefined) return // it was told when it entered TIME-WAIT
    this.#reason = reason
    this.#tell('closed')
  }

  #tell(event: ConnectionEvent): void {
    if (!this.#events.includes(event)) this.#events.push(event)
  }
}

/** Returns the smallest scale with which 16 bits tell `capacity` bytes (RFC 7323 §2.2). */
function windowScaleFor(capacity: number): number {
  let scale = 0
  while (capacity >>> scale > 0xffff && scale < 14) scale++
  return scale
}
