import type { IpFamily, SocketAddress } from '@sallyport/sans-io'

/** An address under which we can be reached, learned from talking to a TURN server (RFC 8445 §5.1.1). */
export type TurnCandidate =
  | {
      /** An address of one of our own interfaces. */
      readonly kind: 'host'
      readonly address: SocketAddress
    }
  | {
      /** What the server sees as our address: the outermost NAT's. */
      readonly kind: 'srflx'
      readonly address: SocketAddress
      /** The interface's address that was translated. */
      readonly base: SocketAddress
    }
  | {
      /** An address on the server that relays to us. */
      readonly kind: 'relay'
      readonly address: SocketAddress
      /** The interface's address through which we talk to the server. */
      readonly local: SocketAddress
    }

/** A change of what we know: first what is new, then what it took the place of. */
export interface CandidateChange {
  readonly added: TurnCandidate
  readonly removed: TurnCandidate | undefined
}

/** The candidates learned from one server: at most one for each kind and address family. */
export class LearnedAddresses {
  readonly #candidates = new Map<`${TurnCandidate['kind']}-${IpFamily}`, TurnCandidate>()

  /** Notes a candidate. Returns what has changed thereby, or `undefined` if we knew that. */
  learn(candidate: TurnCandidate): CandidateChange | undefined {
    const slot = `${candidate.kind}-${candidate.address.family}` as const
    const removed = this.#candidates.get(slot)
    if (removed?.address.equals(candidate.address)) return undefined
    this.#candidates.set(slot, candidate)
    return { added: candidate, removed }
  }

  /** Returns the candidate of that kind and family, or `undefined`. */
  get(kind: TurnCandidate['kind'], family: IpFamily): TurnCandidate | undefined {
    return this.#candidates.get(`${kind}-${family}`)
  }

  /** Forgets the relay candidates and returns them, IPv4 first. */
  takeRelayed(): TurnCandidate[] {
    return [...this.#take('relay', 4), ...this.#take('relay', 6)]
  }

  /** Forgets our own addresses of that family, host and server-reflexive, and returns them. */
  takeOwn(family: IpFamily): TurnCandidate[] {
    return [...this.#take('host', family), ...this.#take('srflx', family)]
  }

  /** Returns all of them: host, then server-reflexive, then relayed. */
  all(): TurnCandidate[] {
    const order = ['host', 'srflx', 'relay'] as const
    return order.flatMap(kind => ([4, 6] as const).map(family => this.get(kind, family))).filter(c => c !== undefined)
  }

  #take(kind: TurnCandidate['kind'], family: IpFamily): TurnCandidate[] {
    const candidate = this.get(kind, family)
    this.#candidates.delete(`${kind}-${family}`)
    return candidate === undefined ? [] : [candidate]
  }
}
