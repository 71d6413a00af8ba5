import type { Instant, Logger } from '@sallyport/sans-io'
import { silentLogger } from '@sallyport/sans-io'
import type { ConnectRequest, Refusal } from './admission.ts'
import type { Portal, PortalTransmit, Reply } from './portal.ts'
import type { PeerId, Role } from './session.ts'

/**
 * The server's side of the Phoenix channel protocol, serializer version 1: each frame is one text with a JSON object.
 *
 *     {"topic":"client","event":"create_flow","payload":{},"ref":7}
 *
 * `ref` is echoed as it came, because peers number their requests and don't recognise a number that became text. The
 * `response` of an ok reply is exactly `{}`: real peers skip the frame otherwise.
 */

/** Something to do for a WebSocket. */
export type SocketTransmit =
  | { readonly type: 'text'; readonly peer: PeerId; readonly text: string }
  /** Close it; nothing that still comes from it matters. */
  | { readonly type: 'close'; readonly peer: PeerId }

/** How long each kind of peer may be silent before its socket is to be closed, in seconds; peers speak every 30 s. */
export const IDLE_TIMEOUT_SECONDS: { readonly [R in Role]: number } = { client: 307, gateway: 37, relay: 41 }

/** The largest frame that is worth reading, in bytes: far more than a hundred gateways or candidates take. */
export const MAX_FRAME_BYTES = 262_144

interface Frame {
  readonly topic: string
  readonly event: string
  readonly payload: unknown
  readonly ref: number | string | null
}

/** Speaks for a {@link Portal} with the sockets of its peers. Drain {@link pollTransmit} after each call. */
export class PhoenixServer {
  readonly #portal: Portal
  readonly #logger: Logger
  readonly #roles = new Map<PeerId, { readonly role: Role; joined: boolean }>()
  #transmits: SocketTransmit[] = []

  constructor(portal: Portal, logger: Logger = silentLogger) {
    this.#portal = portal
    this.#logger = logger
  }

  /** A peer asks for a WebSocket. Its frames are to be handed in under the peer id that it gets. */
  connect(request: ConnectRequest, now: Instant): { readonly type: 'accepted'; readonly peer: PeerId } | Refusal {
    const result = this.#portal.connect(request, now)
    if (result.type === 'accepted') this.#roles.set(result.peer, { role: request.role, joined: false })
    this.drain()
    return result
  }

  /** A text frame came. Whatever is in it, this never throws. */
  handleText(peer: PeerId, text: string, now: Instant): void {
    const channel = this.#roles.get(peer)
    if (channel === undefined) return
    const frame = parseFrame(text)
    if (frame === undefined) {
      this.#logger.debug({ peer }, 'a frame that is none')
      this.#close(peer, now)
      return
    }
    try {
      this.#handle(peer, channel, frame, now)
      this.drain()
    } catch (error) {
      // A peer recovers from a lost connection by itself, and better than from a half-handled message.
      this.#logger.error({ error, role: channel.role, event: frame.event }, 'a message could not be handled')
      this.#close(peer, now)
    }
  }

  /** The socket is closed, or a Close frame came. */
  disconnect(peer: PeerId, now: Instant): void {
    this.#roles.delete(peer)
    this.#portal.disconnect(peer, now)
    this.drain()
  }

  /** Advances every timer of the portal that is due. */
  handleTimeout(now: Instant): void {
    this.#portal.handleTimeout(now)
    this.drain()
  }

  /** Peeks at when {@link handleTimeout} is next due. */
  pollTimeout(): Instant | undefined {
    return this.#portal.pollTimeout()
  }

  /** Takes the next thing to do for a socket, or `undefined`. */
  pollTransmit(): SocketTransmit | undefined {
    return this.#transmits.shift()
  }

  /** Takes over what the portal wants to say. To be called after its {@link Portal.admin} was used. */
  drain(): void {
    for (let transmit: PortalTransmit | undefined; (transmit = this.#portal.pollTransmit()) !== undefined; ) {
      const channel = this.#roles.get(transmit.peer)
      if (channel === undefined) continue
      if (transmit.type === 'message') {
        this.#send(transmit.peer, { topic: channel.role, event: transmit.event, payload: transmit.payload, ref: null })
        continue
      }
      const [event, payload] =
        transmit.reason === 'token-expired' ? ['disconnect', { reason: 'token_expired' }] : ['phx_close', {}]
      if (channel.joined) this.#send(transmit.peer, { topic: channel.role, event, payload, ref: null })
      this.#roles.delete(transmit.peer)
      this.#transmits.push({ type: 'close', peer: transmit.peer })
    }
  }

  #handle(peer: PeerId, channel: { readonly role: Role; joined: boolean }, frame: Frame, now: Instant): void {
    const { topic, event, payload, ref } = frame
    if (topic === 'phoenix' && event === 'heartbeat') this.#reply(peer, topic, ref, { status: 'ok' })
    else if (topic === channel.role && event === 'phx_join') this.#join(peer, channel, frame, now)
    else if (topic !== channel.role || !channel.joined) {
      this.#reply(peer, topic, ref, { status: 'error', reason: 'unmatched topic' })
    } else if (event === 'phx_leave') {
      this.#reply(peer, topic, ref, { status: 'ok' })
      this.#send(peer, { topic, event: 'phx_close', payload: {}, ref: null })
      this.#close(peer, now)
    } else {
      const reply = this.#portal.message(peer, event, payload, now)
      if (reply !== undefined) this.#reply(peer, topic, ref, reply)
    }
  }

  #join(peer: PeerId, channel: { readonly role: Role; joined: boolean }, frame: Frame, now: Instant): void {
    const { topic, payload, ref } = frame
    const wasJoined = channel.joined
    const reply = this.#portal.join(peer, payload, now)
    channel.joined = reply.status === 'ok'
    this.#reply(peer, topic, ref, reply) // in front of the `init` that waits in the portal
    this.drain()
    if (!channel.joined) this.#close(peer, now)
    // A join of a joined topic ends the former one, and the peer makes a new connection on that.
    else if (wasJoined) this.#send(peer, { topic, event: 'phx_close', payload: {}, ref: null })
  }

  #reply(peer: PeerId, topic: string, ref: Frame['ref'], reply: Reply): void {
    const response = reply.status === 'ok' ? {} : { reason: reply.reason }
    this.#send(peer, { topic, event: 'phx_reply', payload: { status: reply.status, response }, ref })
  }

  #send(peer: PeerId, frame: Frame): void {
    this.#transmits.push({ type: 'text', peer, text: JSON.stringify(frame) })
  }

  #close(peer: PeerId, now: Instant): void {
    this.#roles.delete(peer)
    this.#portal.disconnect(peer, now)
    this.drain()
    this.#transmits.push({ type: 'close', peer })
  }
}

/** Parses a frame; what may be missing is filled in. `undefined` if it is none. */
function parseFrame(text: string): Frame | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { topic, event, payload = {}, ref = null } = value as Record<string, unknown>
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined
  if (ref !== null && typeof ref !== 'number' && typeof ref !== 'string') return undefined
  return { topic, event, payload, ref }
}
