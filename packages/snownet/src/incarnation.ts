import { concatBytes, type Instant, randomBytes, silentLogger, toHex, utf8 } from '@sallyport/sans-io'
import { RateLimiter, type StaticKeyPair, staticKeyPair } from '@sallyport/wireguard'
import { CONNECTION_TIMING, type ConnectionContext } from './connection-options.ts'
import type { NodeOptions } from './node-options.ts'
import { RelayPool } from './relay-pool.ts'
import { TransactionIndex } from './transaction-index.ts'

/** All of a node that a reset replaces: who it is, whom it lets in, its relays, and what its connections share. */
export class Incarnation {
  readonly identity: StaticKeyPair
  readonly rateLimiter: RateLimiter
  readonly relays: RelayPool
  readonly context: ConnectionContext

  constructor(options: NodeOptions, shared: Pick<ConnectionContext, 'bench' | 'send' | 'emit'>, now: Instant) {
    const { role, crypto, random, iceTiming = CONNECTION_TIMING, logger = silentLogger } = options
    this.identity = staticKeyPair(crypto, randomBytes(random, 32))
    const { publicKey } = this.identity
    this.rateLimiter = new RateLimiter({ crypto, random, publicKey }, now)
    const session = toHex(crypto.sha256(concatBytes(utf8('SESSION-ID'), publicKey))).toUpperCase()
    this.relays = new RelayPool({ crypto, random, logger, software: `snownet; session=${session}` })
    const transactions = new TransactionIndex<never>()
    const { relays } = this
    this.context = {
      isClient: role === 'client',
      crypto,
      random,
      logger,
      timing: iceTiming,
      relays,
      transactions,
      ...shared,
    }
  }
}
