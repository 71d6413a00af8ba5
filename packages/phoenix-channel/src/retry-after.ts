import { type Millis, millis, type WallClock } from '@sallyport/sans-io'

/**
 * Returns how long a `Retry-After` header asks us to wait (RFC 9110 §10.2.3): seconds, or a date that is compared with
 * `now`. `undefined` if there is none or it is neither. Never negative.
 */
export function parseRetryAfter(header: string | undefined, now: WallClock): Millis | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d{1,12}$/.test(text)) return millis(Number(text) * 1000)
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : millis(Math.max(0, date - now))
}
