import {
  add,
  BoundedQueue,
  earliest,
  type Instant,
  type IpFamily,
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
import { type Candidate, type CandidateType, peerReflexiveCandidate } from './candidate.ts'
import { CandidateList, type KnownCandidate, preferActive } from './candidate-list.ts'
import type { CandidatePair } from './candidate-pair.ts'
import { CheckList } from './check-list.ts'
import { connectionState, type IceConnectionState } from './connection-state.ts'
import { type CheckMessage, encodeCheck, encodeCheckResponse, readCheck } from './connectivity-check.ts'
import { IceOptionsError } from './error.ts'
import { assertTiming, DEFAULT_TIMING, type IceTiming } from './ice-timing.ts'
import { bestPair } from './nomination.ts'
import type { IceCredentials, IceEvent, IceInput, IceOptions, IcePairStatus, IcePath } from './options.ts'
import { agentLocalPreference, candidatePriority, pairPriority, peerReflexivePriority } from './priority.ts'

/** How many candidates of one side are remembered, discarded ones included. */
const MAX_CANDIDATES = 256
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
  readonly #local = new CandidateList(MAX_CANDIDATES)
  readonly #remote = new CandidateList(MAX_CANDIDATES)
  readonly #taken = new Map<`${CandidateType}${IpFamily}`, number>()
  readonly #checks = new CheckList()
  readonly #transmits = new BoundedQueue<Transmit>(MAX_TRANSMITS, 'drop-oldest')
  readonly #events = new BoundedQueue<IceEvent>(MAX_EVENTS, 'drop-oldest')
  #timing: IceTiming
  #state: IceConnectionState = 'new'
  #selected: CandidatePair | undefined
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
    this.#changedAt = now
  }

  /** Where the agent stands. */
  get state(): IceConnectionState {
    return this.#state
  }

  /** The path that was nominated last and still exists. */
  get selectedPath(): IcePath | undefined {
    return this.#selected && pathOf(this.#selected)
  }

  /** The pairs that are being checked, best first. A copy. */
  get pairs(): IcePairStatus[] {
    return this.#checks.pairs.map(pair => ({
      ...pathOf(pair),
      priority: pair.priority,
      state: pair.state,
      nomination: pair.nomination,
      requestsReceived: pair.requestsReceived,
    }))
  }

  /** Our candidates that are not invalidated, as signalled, peer-reflexive ones included. A copy. */
  get localCandidates(): Candidate[] {
    return this.#local.active.map(({ candidate }) => candidate)
  }

  /** The peer's candidates that are not invalidated, peer-reflexive ones included. A copy. */
  get remoteCandidates(): Candidate[] {
    return this.#remote.active.map(({ candidate }) => candidate)
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
    const twins = this.#local
      .at(candidate.address)
      .filter(each => each.candidate.base.equals(candidate.base) && each.candidate.protocol === candidate.protocol)
    const revived = twins.find(
      each =>
        each.isDiscarded &&
        each.candidate.type === candidate.type &&
        each.candidate.relatedAddress?.key === candidate.relatedAddress?.key,
    )
    if (revived !== undefined) {
      revived.isDiscarded = false
      this.#pairLocal(revived, now)
      return revived.candidate
    }
    const { type, address, via } = candidate
    const kind = `${type}${address.family}` as const
    const earlier = this.#taken.get(kind) ?? 0
    const preference = agentLocalPreference(type, address.family, earlier, via?.family)
    const priority = candidatePriority(type, preference)
    const rival = twins.find(each => !each.isDiscarded)
    if (rival !== undefined && priority < rival.candidate.priority) {
      return this.#reject('local candidate is redundant', { type, address: address.key })
    }
    if (rival !== undefined) this.#discard(rival, now)
    const known = this.#local.add({ ...candidate, priority, ufrag: this.localCredentials.ufrag }, this.#isIdle)
    if (known === undefined) return this.#reject('too many local candidates', { type, address: address.key })
    this.#taken.set(kind, earlier + 1)
    this.#pairLocal(known, now)
    return known.candidate
  }

  /**
   * Takes a candidate that the peer has signalled and pairs it with ours. Signalling one again whose pairs have all
   * failed starts its checks again.
   *
   * @returns whether it was of use; otherwise the log says at `debug` why not.
   */
  addRemoteCandidate(candidate: Candidate, now: Instant): boolean {
    const known = this.#rememberRemote(candidate)
    if (typeof known === 'string') {
      this.#logger.debug(
        { type: candidate.type, address: candidate.address.key, reason: known },
        'remote candidate refused',
      )
      return false
    }
    this.#changedAt = now
    for (const local of this.#local.active) this.#pair(local, known, now)
    return true
  }

  /**
   * Withdraws a candidate of either side, which is recognised by type, address, base and related address. Its pairs
   * go, and checks to and from it remain unanswered.
   *
   * @returns whether it was known.
   */
  invalidateCandidate(candidate: Candidate, now: Instant): boolean {
    const known = preferActive(
      [this.#local.find(candidate), this.#remote.find(candidate)].filter(each => each !== undefined),
    )
    if (known === undefined || known.isDiscarded) return false
    this.#discard(known, now)
    return true
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
    this.#evaluateState()
    this.#evaluateNomination(now)
    const failed = this.#checks.removeFailed(now, this.#timing)
    for (const pair of failed) this.#logger.debug(fieldsOf(pair), 'pair failed')
    this.#forgetSelected(failed)
    if (failed.length > 0) this.#evaluateNomination(now)
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

  // Candidates and pairs

  #rememberRemote(candidate: Candidate): KnownCandidate | RemoteCandidateDefect {
    if (candidate.component !== 1) return 'other-component'
    if (candidate.protocol !== 'udp') return 'other-transport'
    if (candidate.ufrag !== undefined && candidate.ufrag !== this.remoteCredentials.ufrag) return 'other-ufrag'
    const same = this.#remote.find(candidate)
    if (same !== undefined) {
      if (!same.isDiscarded && this.#checks.uses(same)) return 'known'
      same.isDiscarded = false
      same.candidate = candidate
      return same
    }
    const reflexive = this.#remote
      .at(candidate.address)
      .find(each => !each.isDiscarded && each.candidate.type === 'prflx')
    if (reflexive === undefined) return this.#remote.add(candidate, this.#isIdle) ?? 'too-many'
    reflexive.candidate = candidate
    this.#reprioritise(reflexive)
    return reflexive
  }

  /** A pair made for a check has the peer-reflexive priority; it gets the real one once that is signalled. */
  #reprioritise(known: KnownCandidate): void {
    for (const pair of this.#checks.pairs) {
      if (pair.remote === known) pair.priority = this.#priorityOf(pair.local, known)
    }
    this.#checks.sort()
  }

  #pairLocal(local: KnownCandidate, now: Instant): void {
    this.#changedAt = now
    for (const remote of this.#remote.active) this.#pair(local, remote, now)
  }

  #pair(local: KnownCandidate, remote: KnownCandidate, now: Instant): CandidatePair | undefined {
    if (local.candidate.type === 'prflx' || local.candidate.base.family !== remote.candidate.address.family)
      return undefined
    const addition = this.#checks.add(local, remote, this.#priorityOf(local, remote), now, this.#selected)
    switch (addition.type) {
      case 'added':
      case 'improved':
        this.#logger.debug(fieldsOf(addition.pair), `pair ${addition.type}`)
        if (addition.dropped !== undefined)
          this.#logger.debug(fieldsOf(addition.dropped), 'too many pairs, worst dropped')
        return addition.pair
      case 'redundant':
        return addition.pair
      case 'full':
        this.#logger.debug({ remote: remote.candidate.address.key }, 'too many pairs, this one is the worst')
        return undefined
      default:
        return unreachable(addition)
    }
  }

  #priorityOf(local: KnownCandidate, remote: KnownCandidate): bigint {
    const [ours, theirs] = [local.candidate.priority, remote.candidate.priority]
    return this.controlling ? pairPriority(ours, theirs) : pairPriority(theirs, ours)
  }

  #discard(known: KnownCandidate, now: Instant): void {
    known.isDiscarded = true
    this.#forgetSelected(this.#checks.removeOf(known))
    this.#changedAt = now
  }

  #forgetSelected(removed: readonly CandidatePair[]): void {
    if (this.#selected !== undefined && removed.includes(this.#selected)) this.#selected = undefined
  }

  readonly #isIdle = (known: KnownCandidate): boolean => known.candidate.type === 'prflx' && !this.#checks.uses(known)

  #reject(why: string, fields: Readonly<Record<string, unknown>>): undefined {
    this.#logger.debug(fields, why)
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
    if (typeof check === 'string') return this.#reject('STUN message is not for ICE', { defect: check })
    if (!this.#concerns(check, message)) return undefined
    const isAnswer = check.type === 'success' || check.type === 'error'
    if (verifyIntegrity(message, isAnswer ? this.#remoteKey : this.#localKey, this.#crypto)) return check
    return this.#reject('STUN message has a wrong integrity', { type: check.type })
  }

  /** RFC 8445 §7.3, without role conflicts: both sides have been told their roles. */
  #handleRequest(input: IceInput, priority: number, useCandidate: boolean, now: Instant): void {
    const ends = useCandidate && this.controlling ? 'nominates-us' : this.#endsOf(input, priority)
    if (typeof ends === 'string') {
      this.#logger.debug({ local: input.local.key, remote: input.remote.key, reason: ends }, 'check ignored')
      return
    }
    const { local, remote } = ends
    this.#reply(input, local.candidate.base)

    const pair = this.#checks.find(local.candidate.base, input.remote) ?? this.#pair(local, remote, now)
    if (pair === undefined) return
    this.#changedAt = now
    pair.requestsReceived++
    if (useCandidate && !pair.isNominated) pair.nominate(now)
    if (this.controlling && pair.state === 'succeeded') this.#evaluateNomination(now)
  }

  /** Returns the two candidates of a check; where it came from may have been unknown until then (RFC 8445 §7.3.1.3). */
  #endsOf(input: IceInput, priority: number): { local: KnownCandidate; remote: KnownCandidate } | CheckRefusal {
    const local = preferActive(
      this.#local.at(input.local).filter(({ candidate }) => candidate.type === 'host' || candidate.type === 'relay'),
    )
    if (local === undefined) return 'to-no-candidate'
    if (local.isDiscarded) return 'to-invalidated'
    const known = this.#remote.at(input.remote)
    const active = known.filter(each => !each.isDiscarded)
    if (active.length === 0 && known.length > 0) return 'from-invalidated'
    const remote =
      active.length > 0
        ? active.reduce((a, b) => (b.candidate.priority > a.candidate.priority ? b : a))
        : this.#remote.add(peerReflexiveCandidate(input.remote, input.remote, priority), this.#isIdle)
    return remote === undefined ? 'from-one-too-many' : { local, remote }
  }

  #reply({ message, remote }: IceInput, base: SocketAddress): void {
    const payload = encodeCheckResponse(message.transactionId, remote, this.#localKey, this.#crypto)
    this.#transmits.push({ local: base, remote, payload })
  }

  /** RFC 8445 §7.2.5.3. */
  #handleSuccess(message: StunMessage, mappedAddress: SocketAddress, now: Instant): void {
    const key = transactionKey(message.transactionId)
    const pair = this.#checks.ofTransaction(key)
    if (pair === undefined) return
    const { base, priority } = pair.local.candidate
    if (this.#local.at(mappedAddress).length === 0) {
      this.#local.add(peerReflexiveCandidate(mappedAddress, base, peerReflexivePriority(priority)), this.#isIdle)
    }
    pair.recordResponse(key, now, this.#timing)
    if (this.controlling) this.#evaluateNomination(now)
    this.#evaluateState()
  }

  // What follows from it

  #evaluateState(): void {
    const isWaiting = this.#local.isEmpty || this.#remote.isEmpty
    const state = connectionState(this.#checks.pairs, isWaiting)
    if (state === this.#state) return
    this.#logger.debug({ from: this.#state, to: state }, 'ICE state changed')
    this.#state = state
    this.#events.push({ type: 'state-changed', state })
  }

  #evaluateNomination(now: Instant): void {
    const best = bestPair(this.#checks.pairs, this.controlling)
    if (best === undefined || best.priority === this.#selected?.priority) return
    if (this.controlling && !best.isNominated) best.nominate(now)
    if (best === this.#selected) return
    this.#selected = best
    this.#logger.debug(fieldsOf(best), 'pair nominated')
    this.#events.push({ type: 'nominated', ...pathOf(best) })
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
    this.#transmits.push({ local: base, remote: pair.remote.candidate.address, payload })
  }
}

/** Why a signalled candidate is not taken. */
type RemoteCandidateDefect = 'other-component' | 'other-transport' | 'other-ufrag' | 'known' | 'too-many'

/** Why an authentic check stays unanswered. */
type CheckRefusal = 'nominates-us' | 'to-no-candidate' | 'to-invalidated' | 'from-invalidated' | 'from-one-too-many'

function pathOf({ local, remote }: CandidatePair): IcePath {
  return {
    local: local.candidate.base,
    remote: remote.candidate.address,
    localType: local.candidate.type,
    remoteType: remote.candidate.type,
  }
}

function fieldsOf(pair: CandidatePair): Readonly<Record<string, unknown>> {
  const { local, remote, localType, remoteType } = pathOf(pair)
  return { local: local.key, remote: remote.key, localType, remoteType, priority: pair.priority.toString() }
}
