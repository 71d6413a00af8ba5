import {
  type Candidate,
  formatCandidate,
  hostCandidate,
  type IceAgent,
  optimisticCandidates,
  parseCandidate,
  relayedCandidate,
  serverReflexiveCandidate,
} from '@sallyport/ice'
import type { Instant, SocketAddress } from '@sallyport/sans-io'
import type { TurnCandidate } from '@sallyport/turn-client'

/**
 * What one connection has told its peer about our addresses, and what it was told.
 *
 * Addresses are learned from relays. Host and relayed ones go to the agent, which decides whether they are news.
 * Server-reflexive ones don't (one sends from their base anyway), but the peer has to know them.
 */
export class CandidateExchange {
  readonly #agent: IceAgent
  /** The lines that the peer was told, by kind and address. A line is taken back as it was told. */
  readonly #told = new Map<string, { readonly line: string; readonly candidate: Candidate }>()
  #hasHeard = false
  #hasTold = false

  constructor(agent: IceAgent) {
    this.#agent = agent
  }

  /** Whether the peer has told us a candidate, be it one that was taken back, or shown us one by a check. */
  get hasHeard(): boolean {
    if (!this.#hasHeard) this.#hasHeard = this.#agent.remoteCandidates.length > 0
    return this.#hasHeard
  }

  /** Whether both sides have told of an address at any time. */
  get areMutual(): boolean {
    return this.#hasTold && this.hasHeard
  }

  /** Returns the lines that the peer has to know and doesn't, most preferred first. */
  tell(addresses: Iterable<TurnCandidate>, now: Instant): string[] {
    const news: Candidate[] = []
    for (const address of addresses) {
      if (this.#told.has(keyOf(address))) continue
      const candidate = candidateOf(address)
      if (typeof candidate === 'string') continue // such as a link-local address: of no use to the peer
      const signalled = candidate.type === 'srflx' ? candidate : this.#agent.addLocalCandidate(candidate, now)
      if (signalled === undefined) continue
      this.#hasTold = true
      this.#told.set(keyOf(address), { line: formatCandidate(signalled), candidate })
      news.push(signalled)
    }
    return news.sort((a, b) => b.priority - a.priority).map(formatCandidate)
  }

  /** Returns everything that the peer was told, most preferred first: it may have forgotten. */
  repeat(): string[] {
    return [...this.#told.values()].sort((a, b) => priorityOf(b.line) - priorityOf(a.line)).map(({ line }) => line)
  }

  /** Withdraws an address. Returns the line to take back, or `undefined` if the peer doesn't know it. */
  takeBack(address: TurnCandidate, now: Instant): string | undefined {
    const told = this.#told.get(keyOf(address))
    if (told === undefined) return undefined
    this.#told.delete(keyOf(address))
    if (told.candidate.type !== 'srflx') this.#agent.invalidateLocalCandidate(told.candidate, now)
    return told.line
  }

  /**
   * Takes a candidate from the peer, and guesses more from it.
   *
   * @returns the candidate, or `undefined` if the line is none.
   */
  hear(line: string, now: Instant): Candidate | undefined {
    const candidate = parseCandidate(line)
    if (typeof candidate === 'string') return undefined
    if (this.#agent.addRemoteCandidate(candidate, now)) this.#hasHeard = true
    for (const guess of optimisticCandidates(this.#agent.remoteCandidates)) this.#agent.addRemoteCandidate(guess, now)
    return candidate
  }

  /** Takes back a candidate of the peer's. */
  unhear(line: string, now: Instant): void {
    const candidate = parseCandidate(line)
    if (typeof candidate !== 'string') this.#agent.invalidateRemoteCandidate(candidate, now)
  }

  /** Returns whether our agent sends from `address` through a relay. */
  isRelayed(address: SocketAddress): boolean {
    return this.#told.has(`relay ${address.key}`)
  }
}

const keyOf = ({ kind, address }: TurnCandidate): string => `${kind} ${address.key}`

const priorityOf = (line: string): number => Number(line.split(' ')[3])

function candidateOf(address: TurnCandidate): Candidate | string {
  switch (address.kind) {
    case 'host':
      return hostCandidate(address.address)
    case 'srflx':
      return serverReflexiveCandidate(address.address, address.base)
    case 'relay':
      return relayedCandidate(address.address, address.local)
  }
}
