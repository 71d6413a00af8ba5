import { type Millis, millis } from '@sallyport/sans-io'

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
}

/** Parses how people write durations: `5m`, `1h 30m`, `30d`. `undefined` for anything else. */
export function parseDuration(text: string): Millis | undefined {
  if (!/^\s*(\d+\s*[a-z]+\s*)+$/.test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const length = UNITS[unit!]
    if (length === undefined) return undefined
    total += Number(count) * length
  }
  return Number.isSafeInteger(total) ? millis(total) : undefined
}
