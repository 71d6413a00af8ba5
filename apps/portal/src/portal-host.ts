import { createHash } from 'node:crypto'
import { calendarNow, monotonicNow, nodeCrypto, nodeRandom } from '@sallyport/io-node'
import { PhoenixServer, Portal, type PortalCrypto, type SocketTransmit } from '@sallyport/portal-core'
import type { Instant, Logger } from '@sallyport/sans-io'
import type { OpenDatabase } from './database/database.ts'
import { SqliteStore } from './database/sqlite-store.ts'
import { tokenKeyOf } from './database/token-key.ts'

/** The portal on a clock and a database: one loop that feeds it and carries out what it says. */
export class PortalHost {
  readonly portal: Portal
  readonly server: PhoenixServer
  readonly #onTransmit: Set<(transmit: SocketTransmit) => void> = new Set()
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #isOpen = true

  private constructor(portal: Portal, logger: Logger) {
    this.portal = portal
    this.#logger = logger
    this.server = new PhoenixServer(portal, logger)
  }

  /** Opens the portal that is stored in a database. */
  static async open(
    database: OpenDatabase,
    logger: Logger,
    environment: Readonly<Record<string, string | undefined>> = process.env,
  ): Promise<PortalHost> {
    const tokenKey = await tokenKeyOf(database, environment)
    const store = new SqliteStore(database.connection)
    const calendar = calendarNow()
    const options = { store, crypto: portalCrypto(), random: nodeRandom, tokenKey, calendar, logger }
    return new PortalHost(new Portal(options, calendar.instant), logger)
  }

  /** Runs `work`, then sends what is to be sent and sets the timer. `work` gets the time. */
  run<R>(work: (server: PhoenixServer, now: Instant) => R): R {
    this.portal.setCalendar(calendarNow())
    try {
      return work(this.server, monotonicNow())
    } finally {
      this.#drain()
    }
  }

  /** Has `listener` carry out what is to be done for sockets. */
  onTransmit(listener: (transmit: SocketTransmit) => void): void {
    this.#onTransmit.add(listener)
  }

  /** Stops the loop. */
  stop(): void {
    this.#isOpen = false
    clearTimeout(this.#timer)
  }

  #drain(): void {
    this.server.drain()
    for (let transmit: SocketTransmit | undefined; (transmit = this.server.pollTransmit()) !== undefined; ) {
      for (const listener of this.#onTransmit) listener(transmit)
    }
    for (let event = this.portal.pollEvent(); event !== undefined; event = this.portal.pollEvent()) {
      this.#logger.info({ role: event.role, id: event.id }, event.type === 'online' ? 'peer online' : 'peer offline')
    }
    this.#arm()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const at = this.portal.pollTimeout()
    if (at === undefined || !this.#isOpen) return
    // Rounded up: a timer that fires a moment early would find nothing due.
    const delay = Math.min(Math.max(0, Math.ceil(at - monotonicNow())), MAX_TIMEOUT)
    this.#timer = setTimeout(() => this.run((server, now) => server.handleTimeout(now)), delay)
  }
}

const MAX_TIMEOUT = 2 ** 31 - 1

function portalCrypto(): PortalCrypto {
  const { sha256, hmacSha256 } = nodeCrypto()
  return { sha256, hmacSha256, sha3_256: data => createHash('sha3-256').update(data).digest() }
}
