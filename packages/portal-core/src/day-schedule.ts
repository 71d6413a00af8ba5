/**
 * Times of the week, each day in its own timezone, as policies write them:
 *
 *     M/9-17,18:30-20:00/Europe/Berlin     S//UTC (never)     U/true/UTC (all day)
 *
 * Both ends of a range belong to it. Ranges of one day and timezone that overlap or touch are one range; ranges are
 * never merged across midnight.
 */

/** A range within one day, in seconds since midnight; both ends belong to it. */
export interface TimeRange {
  readonly start: number
  readonly end: number
}

/** The ranges of one day of the week in one timezone, in order, without overlaps. */
export interface DaySchedule {
  /** 0 is Monday, 6 is Sunday. */
  readonly day: number
  readonly timezone: string
  readonly ranges: readonly TimeRange[]
}

const DAYS = 'MTWRFSU' // R is Thursday, U is Sunday
const END_OF_DAY = 24 * 3600 - 1

/** Returns the schedule, or the sentence that says what is wrong with the first bad text. */
export function parseDaySchedule(texts: readonly string[]): DaySchedule[] | string {
  const days = new Map<string, { day: number; timezone: string; ranges: TimeRange[] }>()
  for (const text of texts) {
    const parsed = parseDay(text)
    if (typeof parsed === 'string') return parsed
    const key = `${parsed.day}/${parsed.timezone}`
    const known = days.get(key)
    if (known) known.ranges.push(...parsed.ranges)
    else days.set(key, parsed)
  }
  return [...days.values()].map(day => ({ ...day, ranges: mergeRanges(day.ranges) }))
}

/**
 * Returns when the range that `now` lies in ends, the latest where there are several; `undefined` if it is in none.
 *
 * Both are Unix milliseconds.
 */
export function endOfMatchingRange(schedule: readonly DaySchedule[], now: number): number | undefined {
  let latest: number | undefined
  for (const day of schedule) {
    const local = localTime(now, day.timezone)
    if (local.day !== day.day) continue
    for (const range of day.ranges) {
      if (local.second < range.start || local.second > range.end) continue // fractions of a second are cut
      const end = instantOf(local, range.end, day.timezone)
      if (latest === undefined || end > latest) latest = end
    }
  }
  return latest
}

function parseDay(text: string): { day: number; timezone: string; ranges: TimeRange[] } | string {
  const [letter, rangesText, ...rest] = text.split('/')
  const timezone = rest.join('/').trim()
  const day = letter!.trim().length === 1 ? DAYS.indexOf(letter!.trim()) : -1
  if (day < 0) return 'invalid day of the week, must be one of M, T, W, R, F, S, U'
  if (timezone === '') return 'timezone is required'
  if (!isTimezone(timezone)) return 'invalid timezone'
  const ranges: TimeRange[] = []
  for (const part of (rangesText ?? '').split(',')) {
    if (part.trim() === '') continue
    const range = parseRange(part.trim())
    if (typeof range === 'string') return range
    ranges.push(range)
  }
  return { day, timezone, ranges }
}

function parseRange(text: string): TimeRange | string {
  if (text === 'true') return { start: 0, end: END_OF_DAY }
  const [from, to, ...rest] = text.split('-')
  const start = parseTime(from ?? '')
  const end = parseTime(to ?? '')
  if (start === undefined || end === undefined || rest.length > 0) return `invalid time range: ${text}`
  if (start > end) return `start of the time range must be less than or equal to the end: ${text}`
  return { start, end }
}

function parseTime(text: string): number | undefined {
  const match = /^\s*(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*$/.exec(text)
  if (match === null) return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)]
  return hour < 24 && minute < 60 && second < 60 ? hour * 3600 + minute * 60 + second : undefined
}

function mergeRanges(ranges: readonly TimeRange[]): TimeRange[] {
  const merged: { start: number; end: number }[] = []
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else merged.push({ ...range })
  }
  return merged
}

interface LocalTime {
  readonly year: number
  readonly month: number
  readonly date: number
  readonly day: number
  readonly second: number
}

const formats = new Map<string, Intl.DateTimeFormat>()
const MAX_FORMATS = 600 // there are about as many timezones; names differing in case must not add up

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    if (formats.size >= MAX_FORMATS) formats.clear()
    formats.set(timezone, format)
  }
  return format
}

function isTimezone(name: string): boolean {
  if (/^[+-]/.test(name)) return false // an offset, which is no IANA name
  try {
    formatOf(name)
    return true
  } catch {
    return false
  }
}

function localTime(at: number, timezone: string): LocalTime {
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(timezone).formatToParts(at)) part[type] = Number(value)
  const [year, month, date] = [part['year']!, part['month']!, part['day']!]
  const day = (new Date(Date.UTC(year, month - 1, date)).getUTCDay() + 6) % 7
  return { year, month, date, day, second: part['hour']! * 3600 + part['minute']! * 60 + part['second']! }
}

/** Returns the instant at which clocks in `timezone` show `second` on the date of `local`. */
function instantOf(local: LocalTime, second: number, timezone: string): number {
  const wanted = Date.UTC(local.year, local.month - 1, local.date) + second * 1000
  let guess = wanted
  for (let i = 0; i < 2; i++) {
    const shown = localTime(guess, timezone)
    guess += wanted - (Date.UTC(shown.year, shown.month - 1, shown.date) + shown.second * 1000)
  }
  return guess
}
