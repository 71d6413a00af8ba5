import { add, type Instant, type Millis, minutes, type SocketAddress } from '@sallyport/sans-io'
import { MAX_CHANNEL, MIN_CHANNEL } from '@sallyport/stun'

/** How long a server keeps a channel binding that isn't refreshed (RFC 8656 §12). */
export const CHANNEL_LIFETIME: Millis = minutes(10)

/** The age at which a binding that is in use is refreshed. */
export const CHANNEL_REFRESH_AFTER: Millis = minutes(5)

/** How long a number belongs to its peer: the lifetime and the five minutes for which a server bars it afterwards. */
export const CHANNEL_REUSE_AFTER: Millis = minutes(15)

const CHANNELS = MAX_CHANNEL - MIN_CHANNEL + 1

interface ChannelBinding {
  readonly number: number
  readonly peer: SocketAddress
  /** Whether the server has said that it is bound. */
  isConfirmed: boolean
  /** When it was last confirmed; until then, when it was asked for. */
  boundAt: Instant
  /** When data last came in through it. Never earlier than {@link boundAt}. */
  receivedAt: Instant
}

/**
 * Which channel number stands for which peer in one allocation (RFC 8656 §12).
 *
 * A peer has at most one number and keeps it until somebody else needs it; nobody else gets it within
 * {@link CHANNEL_REUSE_AFTER} of its last use.
 *
 * ```
 *           assign           confirm           5 min, received: due for refresh
 *  (free) ─────────▶ asked ──────────▶ bound ──────────────────────────────────▶ assign, confirm …
 *                      │ drop            │ 10 min: no longer sent through;  15 min: free for other peers
 *                      ▼                 ▼
 *                    (free)           expired ── assign (same peer): same number
 * ```
 */
export class ChannelBindings {
  readonly #byNumber: (ChannelBinding | undefined)[] = new Array<ChannelBinding | undefined>(CHANNELS).fill(undefined)
  readonly #byPeer = new Map<string, ChannelBinding>()
  #nextIndex = 0

  /** Returns the number to ask for on behalf of `peer`, or `undefined` when all 4096 are taken or cooling down. */
  assign(peer: SocketAddress, now: Instant): number | undefined {
    const known = this.#byPeer.get(peer.key)
    if (known !== undefined) {
      if (!known.isConfirmed) known.boundAt = known.receivedAt = now
      return known.number
    }
    const index = this.#findIndex(binding => binding === undefined) ?? this.#findIndex(isReusable(now))
    if (index === undefined) return undefined
    const previous = this.#byNumber[index]
    if (previous !== undefined) this.#byPeer.delete(previous.peer.key)
    const binding = { number: MIN_CHANNEL + index, peer, isConfirmed: false, boundAt: now, receivedAt: now }
    this.#byNumber[index] = binding
    this.#byPeer.set(peer.key, binding)
    this.#nextIndex = (index + 1) % CHANNELS
    return binding.number
  }

  /** Notes that the server has bound `number`. Returns whether it was asked for at all. */
  confirm(number: number, now: Instant): boolean {
    const binding = this.#byNumber[number - MIN_CHANNEL]
    if (binding === undefined) return false
    binding.isConfirmed = true
    binding.boundAt = binding.receivedAt = now
    return true
  }

  /** Forgets `number`: the server has refused it. */
  drop(number: number): void {
    const binding = this.#byNumber[number - MIN_CHANNEL]
    if (binding === undefined) return
    this.#byNumber[number - MIN_CHANNEL] = undefined
    this.#byPeer.delete(binding.peer.key)
  }

  /** Forgets everything: the allocation is gone, and its channels with it. */
  clear(): void {
    this.#byNumber.fill(undefined)
    this.#byPeer.clear()
    this.#nextIndex = 0
  }

  /**
   * Returns the number through which data can be sent to `peer`, or `undefined`.
   *
   * That may be one the server hasn't confirmed yet: its request left earlier than the data will, so mostly it also
   * arrives earlier.
   */
  channelTo(peer: SocketAddress, now: Instant): number | undefined {
    const binding = this.#byPeer.get(peer.key)
    return binding !== undefined && now < add(binding.boundAt, CHANNEL_LIFETIME) ? binding.number : undefined
  }

  /** Returns whether the server has confirmed a binding for `peer` that is still alive. */
  isBound(peer: SocketAddress, now: Instant): boolean {
    return this.#byPeer.get(peer.key)?.isConfirmed === true && this.channelTo(peer, now) !== undefined
  }

  /** Returns the peer behind `number`, or `undefined` unless the server has confirmed it. */
  peerOf(number: number): SocketAddress | undefined {
    const binding = this.#byNumber[number - MIN_CHANNEL]
    return binding?.isConfirmed ? binding.peer : undefined
  }

  /** Notes that data came in through `number`: only channels in use are refreshed. */
  noteReceived(number: number, now: Instant): void {
    const binding = this.#byNumber[number - MIN_CHANNEL]
    if (binding !== undefined) binding.receivedAt = now
  }

  /** Returns the bindings that are in use and old enough to be refreshed. */
  dueForRefresh(now: Instant): { readonly number: number; readonly peer: SocketAddress }[] {
    const due: ChannelBinding[] = []
    for (const binding of this.#byPeer.values())
      if (binding.receivedAt > binding.boundAt && now >= add(binding.boundAt, CHANNEL_REFRESH_AFTER)) due.push(binding)
    return due
  }

  /** Finds the first index from the last assigned one on, around the table once. */
  #findIndex(matches: (binding: ChannelBinding | undefined) => boolean): number | undefined {
    for (let i = 0; i < CHANNELS; i++) {
      const index = (this.#nextIndex + i) % CHANNELS
      if (matches(this.#byNumber[index])) return index
    }
    return undefined
  }
}

const isReusable =
  (now: Instant) =>
  (binding: ChannelBinding | undefined): boolean =>
    binding !== undefined && now >= add(binding.receivedAt, CHANNEL_REUSE_AFTER)
