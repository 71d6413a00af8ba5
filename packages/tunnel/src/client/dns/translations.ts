import { elapsed, type Instant, type Millis, seconds } from '@sallyport/sans-io'
import type { Gateway } from '../gateways.ts'
import { UniquePackets } from '../unique-packets.ts'
import type { ProxiedName } from './proxy-addresses.ts'

/** The least time between two assignments sent to a gateway for one name. */
const ASSIGNMENT_FLOOR: Millis = seconds(2)

/** How many packets wait for the answer about a name. */
const PENDING_PACKETS = 32

/**
 * What a gateway does about a name:
 *
 * ```text
 * (none) ──update──▶ pending ──active──▶ confirmed ──recreate──▶ recreating ──update──▶ pending (packets pass)
 *                       └────not active─▶ failed ────recreate──▶ recreating ──update──▶ pending (packets wait)
 * ```
 *
 * Nothing here has a timer: packets and queries for the name are what repeats an assignment.
 */
export interface Translation {
  readonly gateway: Gateway
  state: 'pending' | 'confirmed' | 'failed' | 'recreating'
  /** Whether packets wait while it is pending: not if there are connections that go on meanwhile. */
  isHolding: boolean
  sentAt: Instant
  readonly packets: UniquePackets
}

/** Brings gateways to translate addresses of ours to those that names really have. */
export class Translations {
  readonly #assign: (gateway: Gateway, proxied: ProxiedName) => void

  /** @param assign - Tells a gateway which addresses stand for a name. */
  constructor(assign: (gateway: Gateway, proxied: ProxiedName) => void) {
    this.#assign = assign
  }

  /** Makes sure that `gateway` knows about a name, or has been told lately. */
  update(proxied: ProxiedName, gateway: Gateway, now: Instant): void {
    const known = proxied.translation
    if (known === undefined || known.gateway !== gateway) {
      const packets = new UniquePackets(PENDING_PACKETS)
      proxied.translation = { gateway, state: 'pending', isHolding: true, sentAt: now, packets }
      this.#assign(gateway, proxied)
    } else if (known.state === 'recreating') {
      known.state = 'pending'
      this.#send(known, proxied, now)
    } else if (known.state === 'pending' && elapsed(known.sentAt, now) >= ASSIGNMENT_FLOOR) {
      this.#send(known, proxied, now)
    }
  }

  /** Notes that an application has asked for the name again: what was answered is to be asked for once more. */
  recreate(proxied: ProxiedName): void {
    const translation = proxied.translation
    if (translation === undefined || (translation.state !== 'confirmed' && translation.state !== 'failed')) return
    translation.isHolding = translation.state === 'failed'
    translation.state = 'recreating'
  }

  /** Repeats an assignment that is not answered, for the sake of a packet. Returns where that packet is to wait, if so. */
  hold(proxied: ProxiedName, gateway: Gateway, now: Instant): UniquePackets | undefined {
    if (proxied.translation?.gateway !== gateway || proxied.translation.state === 'pending')
      this.update(proxied, gateway, now)
    const translation = proxied.translation
    return translation?.state === 'pending' && translation.isHolding ? translation.packets : undefined
  }

  /** Takes the answer of a gateway. Returns the packets that have waited and may go now; `undefined`: nobody asked. */
  answer(proxied: ProxiedName, gateway: Gateway, isActive: boolean): readonly Uint8Array[] | undefined {
    const translation = proxied.translation
    if (translation?.gateway !== gateway) return undefined
    translation.state = isActive ? 'confirmed' : 'failed'
    const waiting = translation.packets.takeAll()
    return isActive ? waiting : []
  }

  #send(translation: Translation, proxied: ProxiedName, now: Instant): void {
    translation.sentAt = now
    this.#assign(translation.gateway, proxied)
  }
}
