import type { ClientResource, SiteId } from '@sallyport/portal-protocol'
import { add, type Instant, type Millis, minutes } from '@sallyport/sans-io'

/** What is known about the gateways of a site or resource: connected, known to be all offline, or nothing. */
export type Status = 'online' | 'offline' | 'unknown'

/** How long a site counts as offline after the portal has said so. */
const OFFLINE_LIFETIME: Millis = minutes(5)

/** What is known about each site. */
export class SiteStatuses {
  readonly #online = new Set<SiteId>()
  readonly #offlineUntil = new Map<SiteId, Instant>()

  /** A gateway of `site` is connected. */
  setOnline(site: SiteId): void {
    this.#online.add(site)
    this.#offlineUntil.delete(site)
  }

  /** The portal says that no gateway of `site` is there. */
  setOffline(site: SiteId, now: Instant): void {
    this.#online.delete(site)
    this.#offlineUntil.set(site, add(now, OFFLINE_LIFETIME))
  }

  /** Nothing is known about `site` any more. */
  setUnknown(site: SiteId): void {
    this.#online.delete(site)
    this.#offlineUntil.delete(site)
  }

  /** No gateway is connected any more. */
  clearOnline(): void {
    this.#online.clear()
  }

  /** Returns what is known about a resource: online by any of its sites, offline when all of them are. */
  of(resource: ClientResource): Status {
    const sites = resource.gateway_groups
    if (sites.some(({ id }) => this.#online.has(id))) return 'online'
    return sites.length > 0 && sites.every(({ id }) => this.#offlineUntil.has(id)) ? 'offline' : 'unknown'
  }

  /** Forgets what was said too long ago. Returns whether there was something. */
  expire(now: Instant): boolean {
    let expired = false
    for (const [site, until] of this.#offlineUntil) {
      if (until > now) continue
      this.#offlineUntil.delete(site)
      expired = true
    }
    return expired
  }

  /** When {@link expire} is next due. */
  get nextExpiry(): Instant | undefined {
    let first: Instant | undefined
    for (const until of this.#offlineUntil.values()) if (first === undefined || until < first) first = until
    return first
  }
}
