import { describeFailure, isAuthenticationFailure, type PhoenixFailure } from '@sallyport/phoenix-channel'
import { unreachable } from '@sallyport/sans-io'
import type { ResourceView, TunConfig } from '@sallyport/tunnel'

/** What a session tells. Of the first two kinds only the latest is kept for who doesn't ask in time. */
export type SessionEvent =
  /** The list of resources or their status has changed. */
  | { readonly type: 'resources-changed'; readonly resources: readonly ResourceView[] }
  /** The TUN device is to be set up like this. */
  | { readonly type: 'interface-changed'; readonly config: TunConfig }
  /** The session ended by itself; the stream ends behind this. */
  | { readonly type: 'disconnected'; readonly failure: SessionFailure }

/** Why a session ended by itself. */
export type SessionFailure =
  /** The portal doesn't want us, or can't be reached. */
  | { readonly type: 'portal'; readonly failure: PhoenixFailure }
  /** The machine that we run on fails us. */
  | { readonly type: 'tunnel'; readonly error: unknown }
  /** While stopping, goodbyes could not be sent in time. */
  | { readonly type: 'flush-timeout' }

/** Returns whether the way on is to sign in again. */
export const needsSignIn = (failure: SessionFailure): boolean =>
  failure.type === 'portal' && isAuthenticationFailure(failure.failure)

/** Returns a failure in a few words, for people. */
export function describeSessionFailure(failure: SessionFailure): string {
  switch (failure.type) {
    case 'portal':
      return describeFailure(failure.failure)
    case 'tunnel':
      return failure.error instanceof Error ? failure.error.message : String(failure.error)
    case 'flush-timeout':
      return 'goodbyes could not be sent in time'
    default:
      return unreachable(failure)
  }
}
