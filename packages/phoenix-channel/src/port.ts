import type { Instant, Millis } from '@sallyport/sans-io'

/**
 * What a WebSocket adapter reports of the connection that it was last told to open.
 *
 * After `connect` or `drop` it reports nothing of an earlier connection.
 */
export type PhoenixInput =
  /** The upgrade was accepted. */
  | { readonly type: 'opened' }
  /** A text frame came, or a binary frame that is UTF-8. */
  | { readonly type: 'frame'; readonly text: string }
  /** A Ping came (RFC 6455 §5.5.2). Its payload is borrowed. */
  | { readonly type: 'ping'; readonly payload: Uint8Array }
  /** A Pong came (RFC 6455 §5.5.3). */
  | { readonly type: 'pong' }
  /** The upgrade was refused with an HTTP status. */
  | {
      readonly type: 'refused'
      readonly status: number
      /** What the `Retry-After` header asks for, if there was one: see {@link parseRetryAfter}. */
      readonly retryAfter: Millis | undefined
      /** The beginning of the response's body. */
      readonly body: string
    }
  /** The connection was closed, with or without a closing handshake. */
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }
  /** There was no connection to be had, or it broke. */
  | {
      readonly type: 'failed'
      /** For people: what the operating system or the TLS library says. */
      readonly reason: string
      /** The server's certificate is not to be trusted. */
      readonly isCertificateInvalid: boolean
    }

/** What a WebSocket adapter is to do. All but `connect` mean the connection that was last asked for, if it still is. */
export type PhoenixTransmit =
  /** Forgets an earlier connection and opens one. `url` is secret. */
  | { readonly type: 'connect'; readonly url: string; readonly headers: Readonly<Record<string, string>> }
  /** Sends a text frame. */
  | { readonly type: 'send'; readonly text: string }
  /** Sends a Pong (RFC 6455 §5.5.3). */
  | { readonly type: 'pong'; readonly payload: Uint8Array }
  /** Starts the closing handshake (RFC 6455 §7.1.2). */
  | { readonly type: 'close'; readonly code: number }
  /** Cuts the connection, or the attempt at one. */
  | { readonly type: 'drop' }

/** Why a channel stopped for good. */
export type PhoenixFailure =
  /** The portal refused the upgrade in a way that won't pass. */
  | { readonly type: 'refused'; readonly status: number; readonly body: string }
  /** The portal refused the join. */
  | { readonly type: 'login-failed'; readonly reason: string }
  /** The portal told us that our token has expired. */
  | { readonly type: 'token-expired' }
  /** The portal's certificate is not to be trusted. */
  | { readonly type: 'certificate-invalid'; readonly reason: string }
  /** The outage lasts longer than the backoff allows; `reason` is the last one. */
  | { readonly type: 'retries-exhausted'; readonly reason: string }

/** What the owner of a channel learns. */
export type PhoenixEvent =
  /** The join was accepted. Comes again after each reconnect. */
  | { readonly type: 'joined' }
  /** The portal says something. Whether it makes sense is for the owner to judge. */
  | { readonly type: 'message'; readonly topic: string; readonly event: string; readonly payload: unknown }
  /** The portal answered a {@link PhoenixChannel.push}; `error` is its reason where it didn't like it. */
  | { readonly type: 'reply'; readonly ref: number; readonly error: string | undefined }
  /** A heartbeat was sent: the channel works as far as we can tell. */
  | { readonly type: 'heartbeat' }
  /** The connection was lost or couldn't be made; the next attempt is made at `retryAt`. */
  | { readonly type: 'disconnected'; readonly reason: string; readonly retryAt: Instant }
  /** The channel stopped for good. */
  | { readonly type: 'failed'; readonly failure: PhoenixFailure }
  /** The channel was closed by {@link PhoenixChannel.close}, and all that this takes is done. */
  | { readonly type: 'closed' }

/** Returns whether a failure means that our token is no good (any more): sign in again. */
export function isAuthenticationFailure(failure: PhoenixFailure): boolean {
  return failure.type === 'token-expired' || (failure.type === 'refused' && [401, 403].includes(failure.status))
}

/** Returns a failure in a few words, for people. */
export function describeFailure(failure: PhoenixFailure): string {
  switch (failure.type) {
    case 'refused':
      return `portal refused the connection with status ${failure.status}${failure.body === '' ? '' : `: ${failure.body}`}`
    case 'login-failed':
      return `portal refused the login: ${failure.reason}`
    case 'token-expired':
      return 'token expired'
    case 'certificate-invalid':
      return `certificate of the portal is invalid: ${failure.reason}`
    case 'retries-exhausted':
      return `gave up reconnecting to the portal: ${failure.reason}`
  }
}
