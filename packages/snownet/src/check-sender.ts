import type { Instant, Transmit } from '@sallyport/sans-io'
import type { CandidateExchange } from './candidate-exchange.ts'
import type { RelayUse } from './relay-use.ts'

/** Sends connectivity checks and answers to them: directly, or through our relay if they leave from its address. */
export class CheckSender {
  readonly #candidates: CandidateExchange
  readonly #relay: RelayUse
  readonly #send: (transmit: Transmit) => void
  #direct = 0
  #relayed = 0

  constructor(candidates: CandidateExchange, relay: RelayUse, send: (transmit: Transmit) => void) {
    this.#candidates = candidates
    this.#relay = relay
    this.#send = send
  }

  /** Bytes that were sent: directly, and through our relay with headers. */
  get bytes(): { readonly direct: number; readonly relayed: number } {
    return { direct: this.#direct, relayed: this.#relayed }
  }

  /** Sends one of them. */
  send(check: Transmit, now: Instant): void {
    const { local, remote, payload } = check
    if (local !== undefined && this.#candidates.isRelayed(local)) {
      const transmit = this.#relay.wrap(remote, payload, now)
      if (transmit === undefined) return
      this.#relayed += transmit.payload.length
      this.#send(transmit)
    } else {
      this.#direct += payload.length
      this.#send(check)
    }
  }
}
