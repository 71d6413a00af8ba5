import {
  add,
  BoundedQueue,
  earliest,
  type Instant,
  type Logger,
  type Millis,
  millis,
  type Random,
  randomBytes,
  type SansIo,
  type SocketAddress,
  type StunCrypto,
  silentLogger,
  type Transmit,
  unreachable,
  viewOf,
} from '@sallyport/sans-io'
import { newTransactionId, type StunMessage, shortTermKey, transactionKey, verifyIntegrity } from '@sallyport/stun'
import type { Candidate } from './candidate.ts'
import type { CandidatePair } from './candidate-pair.ts'
import { CandidatePairing } from './candidate-pairing.ts'
import type { CheckList } from './check-list.ts'
import { connectionState, type IceConnectionState } from './connection-state.ts'
import { type CheckMessage, encodeCheck, encodeCheckResponse, readCheck } from './connectivity-check.ts'
import { IceOptionsError } from './error.ts'
import { assertTiming, DEFAULT_TIMING, type IceTiming } from './ice-timing.ts'
import { bestPair } from './nomination.ts'
import type { IceCredentials, IceEvent, IceInput, IceOptions, IcePairStatus, IcePath } from './options.ts'
import { peerReflexivePriority } from './priority.ts'

/** How many checks and answers may wait for the owner to take them. */
const MAX_TRANSMITS = 512
const MAX_EVENTS = 128

/**
 * An ICE agent (RFC 8445): full, trickling, for one component of one stream.
 *
 * It never stops: every pair that answers is checked for as long as the agent lives, which keeps NATs open and notices
 * dead paths, and whenever a better pair answers, that one is nominated.
 */
export class IceAgent implements SansIo<IceInput, Transmit, IceEvent> {
  readonly controlling: boolean
  readonly localCredentials: IceCredentials
  readonly remoteCredentials: IceCredentials
  readonly #crypto: StunCrypto
  readonly #random: Random
  readonly #logger: Logger
  readonly #pacing: Millis
  readonly #tieBreaker: bigint
  readonly #localKey: Uint8Array
  readonly #remoteKey: Uint8Array
  readonly #pairing: CandidatePairing
  readonly #checks: CheckList
  readonly #transmits = new BoundedQueue<Transmit>(MAX_TRANSMITS, 'drop-oldest')
  readonly #events = new BoundedQueue<IceEvent>(MAX_EVENTS, 'drop-oldest')
  #timing: IceTiming
  #state: IceConnectionState = 'new'
  /** When something has changed that the next {@link handleTimeout} must look at. */
  #changedAt: Instant | undefined
  /** Before this, pacing forbids another check. */
  #pacedUntil: Instant | undefined

  /** Makes an agent that begins to run at `now`. Throws an {@link IceOptionsError} if the options make no sense. */
  constructor(options: IceOptions, now: Instant) {
    const { timing = DEFAULT_TIMING, pacing = millis(0) } = options
    assertTiming(timing)
    if (!(pacing >= 0)) throw new IceOptionsError(`pacing can't be ${pacing}`)
    for (const { ufrag } of [options.localCredentials, options.remoteCredentials]) {
      if (ufrag === '' || ufrag.includes(':')) throw new IceOptionsError('a ufrag is neither empty nor has it a colon')
    }
    this.controlling = options.controlling
    this.localCredentials = options.localCredentials
    this.remoteCredentials = options.remoteCredentials
    this.#crypto = options.crypto
    this.#random = options.random
    this.#logger = options.logger ?? silentLogger
    this.#timing = timing
    this.#pacing = pacing
    this.#tieBreaker = viewOf(randomBytes(options.random, 8)).getBigUint64(0)
    this.#localKey = shortTermKey(options.localCredentials.password)
    this.#remoteKey = shortTermKey(options.remoteCredentials.password)
    this.#pairing = new CandidatePairing({
      controlling: options.controlling,
      localUfrag: options.localCredentials.ufrag,
      remoteUfrag: options.remoteCredentials.ufrag,
      logger: this.#logger,
    })
    this.#checks = this.#pairing.checks
    this.#changedAt = now
  }

  /** Where the agent stands. */
  get state(): IceConnectionState {
    return this.#state
  }

  /** The path that was nominated last and still exists. */
  get selectedPath(): IcePath | undefined {
    const { selected } = this.#checks
    return selected && pathOf(selected, this.#pairing.localCandidates)
  }

  /** Since when checks on that path have been unanswered; `undefined` if the last one was answered, or there is none. */
  get silentSince(): Instant | undefined {
    return this.#checks.selected?.silentSince
  }

  /** The pairs that are being checked, best first. A copy. */
  get pairs(): IcePairStatus[] {
    const candidates = this.#pairing.localCandidates
    return this.#checks.pairs.map(pair => ({
      ...pathOf(pair, candidates),
      priority: pair.priority,
      state: pair.state,
      nomination: pair.nomination,
      requestsReceived: pair.requestsReceived,
    }))
  }

  /** Our candidates that are not invalidated, as they were to be signalled. A copy. */
  get localCandidates(): Candidate[] {
    return this.#pairing.localCandidates
  }

  /** The peer's candidates that are not invalidated, peer-reflexive ones included. A copy. */
  get remoteCandidates(): Candidate[] {
    return this.#pairing.remoteCandidates
  }

  /** How often checks are sent. */
  get timing(): IceTiming {
    return this.#timing
  }

  /** Changes how often checks are sent, at once. Throws an {@link IceOptionsError} if time could not pass. */
  setTiming(timing: IceTiming, now: Instant): void {
    assertTiming(timing)
    this.#timing = timing
    this.#checks.reschedule(now, timing)
  }

  /**
   * Takes a candidate of ours and pairs it with the peer's.
   *
   * @returns the candidate to signal, with its priority and our ufrag; `undefined` if one as good is known already.
   */
  addLocalCandidate(candidate: Candidate, now: Instant): Candidate | undefined {
    const taken = this.#pairing.addLocal(candidate, now)
    if (typeof taken === 'string') return this.#refuse(candidate, 'local', taken)
    this.#changedAt = now
    return taken
  }

  /**
   * Takes a candidate that the peer has signalled and pairs it with ours. Signalling one again whose pairs have all
   * failed starts its checks again.
   *
   * @returns whether it was of use; otherwise the log says at `debug` why not.
   */
  addRemoteCandidate(candidate: Candidate, now: Instant): boolean {
    const defect = this.#pairing.addRemote(candidate, now)
    if (defect !== undefined) this.#refuse(candidate, 'remote', defect)
    else this.#changedAt = now
    return defect === undefined
  }

  /**
   * Withdraws a candidate of ours, which is recognised by type, address, base and related address. Its pairs go, and
   * checks to it remain unanswered.
   *
   * @returns whether it was known, so that the peer has to be told.
   */
  invalidateLocalCandidate(candidate: Candidate, now: Instant): boolean {
    const wasKnown = this.#pairing.invalidateLocal(candidate)
    if (wasKnown) this.#changedAt = now
    return wasKnown
  }

  /**
   * Withdraws a candidate of the peer, which is recognised by type, address and related address. Its pairs go, and
   * checks from it remain unanswered.
   *
   * @returns whether it was known.
   */
  invalidateRemoteCandidate(candidate: Candidate, now: Instant): boolean {
    const wasKnown = this.#pairing.invalidateRemote(candidate)
    if (wasKnown) this.#changedAt = now
    return wasKnown
  }

  /** Returns whether a message names this agent's ufrags or answers one of its checks. Verifies nothing, costs little. */
  concerns(message: StunMessage): boolean {
    const check = readCheck(message)
    return typeof check !== 'string' && this.#concerns(check, message)
  }

  /** Returns whether a message is for this agent and its MESSAGE-INTEGRITY is right: whether `handleInput` takes it. */
  acceptsMessage(message: StunMessage): boolean {
    return this.#accept(message) !== undefined
  }

  handleInput(input: IceInput, now: Instant): boolean {
    const check = this.#accept(input.message)
    if (check === undefined) return false
    switch (check.type) {
      case 'request':
        this.#handleRequest(input, check.priority, check.useCandidate, now)
        return true
      case 'success':
        this.#handleSuccess(input.message, check.mappedAddress, now)
        return true
      case 'indication':
      case 'error':
        return true
      default:
        return unreachable(check)
    }
  }

  handleTimeout(now: Instant): void {
    this.#changedAt = undefined
    for (const pair of this.#checks.removeFailed(now, this.#timing)) this.#logger.debug(fieldsOf(pair), 'pair failed')
    this.#evaluateNomination(now)
    this.#evaluateState()
    this.#sendChecks(now)
  }

  pollTransmit(): Transmit | undefined {
    return this.#transmits.shift()
  }

  pollEvent(): IceEvent | undefined {
    return this.#events.shift()
  }

  pollTimeout(): Instant | undefined {
    const check = this.#checks.nextCheckAt
    const paced = check !== undefined && this.#pacedUntil !== undefined && this.#pacedUntil > check
    return earliest(this.#changedAt, paced ? this.#pacedUntil : check)
  }

  #refuse({ type, address }: Candidate, side: 'local' | 'remote', reason: string): undefined {
    this.#logger.debug({ type, address: address.key, reason }, `${side} candidate refused`)
    return undefined
  }

  // What arrives

  #concerns(check: CheckMessage, message: StunMessage): boolean {
    if (check.type === 'success' || check.type === 'error') {
      return this.#checks.ofTransaction(transactionKey(message.transactionId)) !== undefined
    }
    const { receiver, sender } = check.ufrags
    return receiver === this.localCredentials.ufrag && sender === this.remoteCredentials.ufrag
  }

  #accept(message: StunMessage): CheckMessage | undefined {
    const check = readCheck(message)
    if (typeof check === 'string' || !this.#concerns(check, message)) return undefined
    const isAnswer = check.type === 'success' || check.type === 'error'
    if (verifyIntegrity(message, isAnswer ? this.#remoteKey : this.#localKey, this.#crypto)) return check
    this.#logger.debug({ type: check.type }, 'check with a wrong integrity ignored')
    return undefined
  }

  /** RFC 8445 §7.3, without role conflicts: both sides have been told their roles. */
  #handleRequest(input: IceInput, priority: number, useCandidate: boolean, now: Instant): void {
    const nominatesUs = useCandidate && this.controlling
    const ends = nominatesUs ? 'nominates-us' : this.#pairing.endsOf(input.local, input.remote, priority)
    if (typeof ends === 'string') {
      this.#logger.debug({ local: input.local.key, remote: input.remote.key, reason: ends }, 'check ignored')
      return
    }
    const { base } = ends.local.candidate
    this.#reply(input, base)
    const known = this.#checks.find(base, input.remote)
    const pair = known ?? this.#pairing.pair(ends, now)
    if (pair === undefined) return
    pair.requestsReceived++
    this.#logger.debug({ local: base.key, remote: input.remote.key, nominates: useCandidate }, 'check received')
    const isNominated = useCandidate && !pair.isNominated
    if (isNominated) pair.nominate(now)
    if (isNominated || known === undefined) this.#changedAt = now
  }

  #reply({ message, remote }: IceInput, base: SocketAddress): void {
    const payload = encodeCheckResponse(message.transactionId, remote, this.#localKey, this.#crypto)
    this.#transmits.push({ local: base, remote, payload })
  }

  /**
   * RFC 8445 §7.2.5.3. The mapped address makes no candidate of ours: one would send from its base, which is one already.
   */
  #handleSuccess(message: StunMessage, mappedAddress: SocketAddress, now: Instant): void {
    const key = transactionKey(message.transactionId)
    const pair = this.#checks.ofTransaction(key)
    if (pair === undefined) return
    pair.mappedAddress = mappedAddress
    pair.recordResponse(key, now, this.#timing)
    this.#logger.debug({ ...endsOf(pair), mapped: mappedAddress.key }, 'check answered')
    if (this.controlling) this.#evaluateNomination(now)
    this.#evaluateState()
  }

  // What follows from it

  #evaluateState(): void {
    const state = connectionState(this.#checks.pairs, this.#pairing.isWaiting)
    if (state === this.#state) return
    this.#logger.debug({ from: this.#state, to: state }, 'ICE state changed')
    this.#state = state
    this.#events.push({ type: 'state-changed', state })
  }

  #evaluateNomination(now: Instant): void {
    const best = bestPair(this.#checks.pairs, this.controlling)
    const { selected } = this.#checks
    if (best === undefined || (best.priority === selected?.priority && !selected.isFaltering)) return
    if (this.controlling && !best.isNominated) best.nominate(now)
    if (best === selected) return
    this.#checks.selected = best
    this.#logger.debug(fieldsOf(best), 'pair nominated')
    this.#events.push({ type: 'nominated', ...pathOf(best, this.#pairing.localCandidates) })
  }

  #sendChecks(now: Instant): void {
    for (const pair of this.#checks.due(now)) {
      if (this.#pacing > 0) {
        if (this.#pacedUntil !== undefined && now < this.#pacedUntil) return
        this.#pacedUntil = add(now, this.#pacing)
      }
      this.#sendCheck(pair, now)
    }
  }

  #sendCheck(pair: CandidatePair, now: Instant): void {
    const { base, priority } = pair.local.candidate
    const transactionId = newTransactionId(this.#random)
    const payload = encodeCheck(
      {
        transactionId,
        username: `${this.remoteCredentials.ufrag}:${this.localCredentials.ufrag}`,
        controlling: this.controlling,
        tieBreaker: this.#tieBreaker,
        priority: peerReflexivePriority(priority),
        useCandidate: this.controlling && pair.isNominated,
      },
      this.#remoteKey,
      this.#crypto,
    )
    this.#checks.recordAttempt(pair, transactionKey(transactionId), now, this.#timing)
    this.#logger.debug({ ...endsOf(pair), nominates: this.controlling && pair.isNominated }, 'check sent')
    this.#transmits.push({ local: base, remote: pair.remote.candidate.address, payload })
  }
}

function pathOf({ local, remote, mappedAddress }: CandidatePair, ours: readonly Candidate[]): IcePath {
  const { address, base, type } = local.candidate
  const isMapped = mappedAddress !== undefined && !mappedAddress.equals(address)
  const isKnown =
    isMapped && ours.some(candidate => candidate.type === 'srflx' && candidate.address.equals(mappedAddress))
  return {
    local: base,
    remote: remote.candidate.address,
    localType: type,
    validLocalType: !isMapped ? type : isKnown ? 'srflx' : 'prflx',
    remoteType: remote.candidate.type,
  }
}

function endsOf({ local, remote }: CandidatePair): Readonly<Record<string, unknown>> {
  return { local: local.candidate.base.key, remote: remote.candidate.address.key }
}

function fieldsOf(pair: CandidatePair): Readonly<Record<string, unknown>> {
  const { local, remote, localType, remoteType } = pathOf(pair, [])
  return { local: local.key, remote: remote.key, localType, remoteType, priority: pair.priority.toString() }
}
