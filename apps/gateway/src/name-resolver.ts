import dns from 'node:dns/promises'
import { IpAddress, type Logger } from '@sallyport/sans-io'

/** What a {@link NameResolver} asks of the world. */
export interface LookupPorts {
  /** Returns the addresses of one family; rejects with a `code` as `node:dns` does. */
  resolve(name: string, family: 4 | 6): Promise<readonly string[]>
  /** Asks everybody whom the system asks: host files, too. */
  lookup(name: string): Promise<readonly string[]>
  /** Returns a time in milliseconds. */
  now(): number
}

const CACHE_MS = 30_000
const TIMEOUT_MS = 10_000
const MAX_CONCURRENT = 1000
const MAX_CACHED = 10_000

/** Resolves the names that clients use: each is looked up once at a time, and its addresses are kept for 30 s. */
export class NameResolver {
  readonly #ports: LookupPorts
  readonly #logger: Logger
  readonly #cache = new Map<string, { readonly addresses: readonly IpAddress[]; readonly until: number }>()
  readonly #running = new Map<string, Promise<readonly IpAddress[] | undefined>>()

  constructor(logger: Logger, ports: LookupPorts = nodeLookup()) {
    this.#logger = logger
    this.#ports = ports
  }

  /** Returns a name's addresses of both families; `undefined` if nobody could tell. Never rejects. */
  resolve(name: string): Promise<readonly IpAddress[] | undefined> {
    const key = name.toLowerCase()
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.until > this.#ports.now()) return Promise.resolve(cached.addresses)
    const running = this.#running.get(key)
    if (running !== undefined) return running
    if (this.#running.size >= MAX_CONCURRENT) {
      this.#logger.warn({ name }, 'too many names are being resolved')
      return Promise.resolve(undefined)
    }
    const lookup = this.#resolve(name, key).finally(() => this.#running.delete(key))
    this.#running.set(key, lookup)
    return lookup
  }

  async #resolve(name: string, key: string): Promise<readonly IpAddress[] | undefined> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<undefined>(resolve => {
      timer = setTimeout(resolve, TIMEOUT_MS, undefined)
    })
    const addresses = await Promise.race([this.#ask(name), timeout])
    clearTimeout(timer)
    if (addresses === undefined) {
      this.#logger.warn({ name }, 'a name can not be resolved')
      return undefined
    }
    this.#cache.delete(key)
    this.#cache.set(key, { addresses, until: this.#ports.now() + CACHE_MS })
    if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value!)
    return addresses
  }

  /** One family that fails while the other works is no failure. */
  async #ask(name: string): Promise<readonly IpAddress[] | undefined> {
    const { resolve, lookup } = this.#ports
    const results = await Promise.allSettled([resolve(name, 4), resolve(name, 6)])
    let texts = results.flatMap(result => (result.status === 'fulfilled' ? result.value : []))
    if (texts.length === 0) texts = [...(await lookup(name).catch(() => []))]
    const isKnown = results.some(result => result.status === 'fulfilled' || isAbsence(result.reason))
    if (texts.length === 0 && !isKnown) return undefined
    return texts.map(text => IpAddress.parse(text)).filter(ip => ip !== undefined)
  }
}

/** There is no such name, or it has no such address: an answer all the same. */
const isAbsence = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA')

function nodeLookup(): LookupPorts {
  return {
    resolve: (name, family) => {
      const resolver = new dns.Resolver({ timeout: 2000, tries: 2 }) // reads the servers of this moment
      return family === 4 ? resolver.resolve4(name) : resolver.resolve6(name)
    },
    lookup: async name => (await dns.lookup(name, { all: true })).map(({ address }) => address),
    now: () => performance.now(),
  }
}
