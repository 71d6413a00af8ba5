import { type Instant, type IpFamily, type Logger, type SocketAddress, unreachable } from '@sallyport/sans-io'
import { type Candidate, type CandidateType, peerReflexiveCandidate } from './candidate.ts'
import { CandidateList, type KnownCandidate, preferActive } from './candidate-list.ts'
import type { CandidatePair } from './candidate-pair.ts'
import { CheckList } from './check-list.ts'
import { agentLocalPreference, candidatePriority, pairPriority } from './priority.ts'

/** How many candidates of one side are remembered, discarded ones included. */
const MAX_CANDIDATES = 256

/**
 * How many addresses with one IP a peer may show us by checks alone. Between two NATs that give each destination its own
 * port but let strangers in, each check comes from an address that is new, and is answered by a check that shows another.
 */
const MAX_REFLEXIVE_PER_IP = 8

/** Why a candidate of ours is not taken. */
export type LocalCandidateDefect = 'redundant' | 'too-many'

/** Why a candidate of the peer is not taken. */
export type RemoteCandidateDefect = 'other-component' | 'other-transport' | 'other-ufrag' | 'known' | 'too-many'

/** Why an authentic check stays unanswered. */
export type CheckRefusal = 'to-no-candidate' | 'to-invalidated' | 'from-invalidated' | 'from-one-too-many'

/** The candidates between which a check went. */
export interface CheckEnds {
  readonly local: KnownCandidate
  readonly remote: KnownCandidate
}

/** What {@link CandidatePairing} needs to know of its agent. */
export interface PairingOptions {
  readonly controlling: boolean
  readonly localUfrag: string
  readonly remoteUfrag: string
  readonly logger: Logger
}

/** The candidates of both sides, and the pairs that they make (RFC 8445 §6.1.2). */
export class CandidatePairing {
  /** The pairs. */
  readonly checks: CheckList = new CheckList()
  readonly #options: PairingOptions
  readonly #local = new CandidateList(MAX_CANDIDATES)
  readonly #remote = new CandidateList(MAX_CANDIDATES)
  /** How many local candidates of a type and family were ever taken. */
  readonly #taken = new Map<`${CandidateType}${IpFamily}`, number>()

  constructor(options: PairingOptions) {
    this.#options = options
  }

  /** Whether one side has never had a candidate. */
  get isWaiting(): boolean {
    return this.#local.isEmpty || this.#remote.isEmpty
  }

  /** Our candidates that are not invalidated. */
  get localCandidates(): Candidate[] {
    return this.#local.active.map(({ candidate }) => candidate)
  }

  /** The peer's candidates that are not invalidated, peer-reflexive ones included. */
  get remoteCandidates(): Candidate[] {
    return this.#remote.active.map(({ candidate }) => candidate)
  }

  /** Takes a candidate of ours and pairs it. Returns it as it is to be signalled. */
  addLocal(candidate: Candidate, now: Instant): Candidate | LocalCandidateDefect {
    const known = this.#rememberLocal(candidate)
    if (typeof known === 'string') return known
    for (const remote of this.#remote.active) this.pair({ local: known, remote }, now)
    return known.candidate
  }

  /** Takes a candidate of the peer and pairs it. Returns why not if it doesn't. */
  addRemote(candidate: Candidate, now: Instant): RemoteCandidateDefect | undefined {
    const known = this.#rememberRemote(candidate)
    if (typeof known === 'string') return known
    for (const local of this.#local.active) this.pair({ local, remote: known }, now)
    return undefined
  }

  /** Discards a candidate of ours with its pairs. Returns whether it was known. */
  invalidateLocal(candidate: Candidate): boolean {
    return this.#discard(this.#local.find(candidate))
  }

  /** Discards a candidate of the peer with its pairs: never one of ours, even at the same private address. */
  invalidateRemote(candidate: Candidate): boolean {
    return this.#discard(this.#remote.find(candidate))
  }

  /** Returns the candidates of a check that arrived; its sender may have been unknown until then (RFC 8445 §7.3.1.3). */
  endsOf(localAddress: SocketAddress, remoteAddress: SocketAddress, priority: number): CheckEnds | CheckRefusal {
    const local = preferActive(
      this.#local.at(localAddress).filter(({ candidate }) => candidate.type === 'host' || candidate.type === 'relay'),
    )
    if (local === undefined) return 'to-no-candidate'
    if (local.isDiscarded) return 'to-invalidated'
    const known = this.#remote.at(remoteAddress)
    const active = known.filter(each => !each.isDiscarded)
    if (active.length === 0 && known.length > 0) return 'from-invalidated'
    const remote =
      active.length > 0
        ? active.reduce((a, b) => (b.candidate.priority > a.candidate.priority ? b : a))
        : this.#learn(remoteAddress, priority)
    return remote === undefined ? 'from-one-too-many' : { local, remote }
  }

  #learn(address: SocketAddress, priority: number): KnownCandidate | undefined {
    const siblings = this.#remote.active.filter(
      known =>
        known.candidate.type === 'prflx' && known.candidate.address.ip.equals(address.ip) && this.checks.uses(known),
    )
    if (siblings.length >= MAX_REFLEXIVE_PER_IP) return undefined
    return this.#remote.add(peerReflexiveCandidate(address, address, priority), this.#isIdle)
  }

  /** Returns the pair of two candidates, making it if need be; `undefined` where they can't or may not be paired. */
  pair({ local, remote }: CheckEnds, now: Instant): CandidatePair | undefined {
    if (local.candidate.base.family !== remote.candidate.address.family) return undefined
    const addition = this.checks.add(local, remote, this.#priorityOf(local, remote), now)
    const fields = { local: local.candidate.base.key, remote: remote.candidate.address.key }
    switch (addition.type) {
      case 'added':
      case 'improved':
        this.#options.logger.debug({ ...fields, hasDropped: addition.dropped !== undefined }, `pair ${addition.type}`)
        return addition.pair
      case 'redundant':
        return addition.pair
      case 'full':
        this.#options.logger.debug(fields, 'pair refused: there are too many better ones')
        return undefined
      default:
        return unreachable(addition)
    }
  }

  #rememberLocal(candidate: Candidate): KnownCandidate | LocalCandidateDefect {
    const { type, address, base, via } = candidate
    const twins = this.#local.at(address).filter(each => each.candidate.base.equals(base))
    const revived = this.#local.find(candidate)
    if (revived?.isDiscarded === true) {
      revived.isDiscarded = false
      return revived
    }
    const kind = `${type}${address.family}` as const
    const earlier = this.#taken.get(kind) ?? 0
    const priority = candidatePriority(type, agentLocalPreference(type, address.family, earlier, via?.family))
    const rival = twins.find(each => !each.isDiscarded)
    if (rival !== undefined && priority < rival.candidate.priority) return 'redundant'
    const known = this.#local.add({ ...candidate, priority, ufrag: this.#options.localUfrag }, this.#isIdle)
    if (known === undefined) return 'too-many'
    this.#discard(rival)
    this.#taken.set(kind, earlier + 1)
    return known
  }

  #rememberRemote(candidate: Candidate): KnownCandidate | RemoteCandidateDefect {
    if (candidate.component !== 1) return 'other-component'
    if (candidate.protocol !== 'udp') return 'other-transport'
    if (candidate.ufrag !== undefined && candidate.ufrag !== this.#options.remoteUfrag) return 'other-ufrag'
    const same = this.#remote.find(candidate)
    if (same !== undefined) {
      if (!same.isDiscarded && this.checks.uses(same)) return 'known'
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
  #reprioritise(remote: KnownCandidate): void {
    for (const pair of this.checks.pairs) {
      if (pair.remote === remote) pair.priority = this.#priorityOf(pair.local, remote)
    }
    this.checks.sort()
  }

  #priorityOf(local: KnownCandidate, remote: KnownCandidate): bigint {
    const [ours, theirs] = [local.candidate.priority, remote.candidate.priority]
    return this.#options.controlling ? pairPriority(ours, theirs) : pairPriority(theirs, ours)
  }

  #discard(known: KnownCandidate | undefined): boolean {
    if (known === undefined || known.isDiscarded) return false
    known.isDiscarded = true
    this.checks.removeOf(known)
    return true
  }

  /** Who has neither been signalled nor is being checked can be learned again. */
  readonly #isIdle = (known: KnownCandidate): boolean => known.candidate.type === 'prflx' && !this.checks.uses(known)
}
