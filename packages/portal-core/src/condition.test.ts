import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Condition, evaluateCondition, parseCondition } from './condition.ts'
import { endOfMatchingRange, parseDaySchedule } from './day-schedule.ts'

const HOLDS = { holds: true, until: Number.POSITIVE_INFINITY }
const FAILS = { holds: false }
const PROVIDER = '0642e09d-b3a2-47e4-9cd1-c2195faeeb67'
const subject = { region: 'DE', remoteIp: '203.0.113.7', providerId: PROVIDER, isVerified: false }
const NOW = Date.UTC(2025, 8, 22, 12) // a Monday

describe('a condition', () => {
  test.each([
    ['remote_ip_location_region', 'is_in', ['DE', 'FR'], {}, true],
    ['remote_ip_location_region', 'is_in', ['FR'], {}, false],
    ['remote_ip_location_region', 'is_not_in', ['FR'], {}, true],
    ['remote_ip_location_region', 'is_not_in', ['DE'], {}, false],
    ['remote_ip_location_region', 'is_in', ['DE'], { region: undefined }, false],
    ['remote_ip_location_region', 'is_not_in', ['DE'], { region: undefined }, true],
    ['remote_ip', 'is_in_cidr', ['203.0.113.0/24'], {}, true],
    ['remote_ip', 'is_in_cidr', ['203.0.113.7'], {}, true],
    ['remote_ip', 'is_in_cidr', ['203.0.113.8', '::/0'], {}, false],
    ['remote_ip', 'is_not_in_cidr', ['203.0.113.0/24'], {}, false],
    ['remote_ip', 'is_not_in_cidr', ['::/0'], {}, true],
    ['remote_ip', 'is_in_cidr', ['2001:db8::/32'], { remoteIp: '2001:db8::1' }, true],
    ['provider_id', 'is_in', [PROVIDER], {}, true],
    ['provider_id', 'is_in', [PROVIDER], { providerId: undefined }, false],
    ['provider_id', 'is_not_in', [PROVIDER], {}, false],
    ['provider_id', 'is_not_in', [PROVIDER], { providerId: undefined }, true],
    ['client_verified', 'is', ['true'], {}, false],
    ['client_verified', 'is', ['true'], { isVerified: true }, true],
    ['client_verified', 'is', ['false'], {}, true],
  ])('%s %s %j of %j holds: %s', (property, operator, values, changes, expected) => {
    const condition = parseCondition({ property, operator, values }) as Condition

    expect(evaluateCondition(condition, { ...subject, ...changes }, NOW)).toEqual(expected ? HOLDS : FAILS)
  })

  test('of the time holds until the end of its range', () => {
    const condition = {
      property: 'current_utc_datetime',
      operator: 'is_in_day_of_week_time_ranges',
      values: ['M/9-17/UTC'],
    } as const

    expect(evaluateCondition(condition, subject, NOW)).toEqual({ holds: true, until: Date.UTC(2025, 8, 22, 17) })
    expect(evaluateCondition(condition, subject, NOW + 86_400_000)).toEqual(FAILS)
  })

  test.each([
    [{ property: 'shoe_size', operator: 'is', values: ['42'] }],
    [{ property: '__proto__', operator: 'is', values: ['42'] }],
    [{ property: 'remote_ip', operator: 'is_in', values: ['10.0.0.0/8'] }],
    [{ property: 'remote_ip', operator: 'is_in_cidr', values: ['10.0.0.300'] }],
    [{ property: 'remote_ip', operator: 'is_in_cidr', values: [] }],
    [{ property: 'remote_ip_location_region', operator: 'is_in', values: ['XX'] }],
    [{ property: 'provider_id', operator: 'is_in', values: ['x'] }],
    [{ property: 'client_verified', operator: 'is', values: ['maybe'] }],
    [{ property: 'client_verified', operator: 'is', values: ['true', 'true'] }],
    [{ property: 'current_utc_datetime', operator: 'is_in_day_of_week_time_ranges', values: ['X/9-17/UTC'] }],
  ])('%j is refused', input => {
    expect(typeof parseCondition(input)).toBe('string')
  })

  test('has its values trimmed', () => {
    expect(parseCondition({ property: 'remote_ip', operator: 'is_in_cidr', values: [' 10.0.0.0/8 '] })).toMatchObject({
      values: ['10.0.0.0/8'],
    })
  })
})

describe('a schedule', () => {
  const end = (texts: string[], at: number): number | undefined => {
    const schedule = parseDaySchedule(texts)
    if (typeof schedule === 'string') throw new Error(schedule)
    return endOfMatchingRange(schedule, at)
  }
  const utc = (hour: number, minute = 0, second = 0, millisecond = 0): number =>
    Date.UTC(2025, 8, 22, hour, minute, second, millisecond)

  test('includes both ends, to the second', () => {
    expect(end(['M/9-17/UTC'], utc(8, 59, 59, 999))).toBeUndefined()
    expect(end(['M/9-17/UTC'], utc(9))).toBe(utc(17))
    expect(end(['M/9-17/UTC'], utc(17, 0, 0, 500))).toBe(utc(17))
    expect(end(['M/9-17/UTC'], utc(17, 0, 1))).toBeUndefined()
    expect(end(['M/true/UTC'], utc(23, 59, 59, 999))).toBe(utc(23, 59, 59))
  })

  test('merges ranges that overlap or touch, of one text or of several for the same day', () => {
    expect(end(['M/4-11,11-22/UTC'], utc(5))).toBe(utc(22))
    expect(end(['M/11-22,4-12,5-6/UTC'], utc(5))).toBe(utc(22))
    expect(end(['M/4-11/UTC', 'M/10-14/UTC'], utc(5))).toBe(utc(14))
    expect(end(['M/4-11,11:00:01-14/UTC'], utc(5))).toBe(utc(11))
  })

  test('does not merge across midnight or timezones, but takes the later end', () => {
    expect(end(['M/20-23:59:59/UTC', 'T/0-5/UTC'], utc(21))).toBe(utc(23, 59, 59))
    expect(end(['M/9-13/UTC', 'M/9-16/Europe/Berlin'], utc(12))).toBe(utc(14))
  })

  test('has days of the timezone, not of UTC', () => {
    // Monday 22:30 UTC is Tuesday 00:30 in Berlin (UTC+2 in September) and Tuesday 07:30 in Tokyo.
    expect(end(['T/0-9/Europe/Berlin'], utc(22, 30))).toBe(Date.UTC(2025, 8, 23, 7))
    expect(end(['M/true/Europe/Berlin'], utc(22, 30))).toBeUndefined()
    expect(end(['M/0-20/America/Los_Angeles'], utc(22, 30))).toBe(Date.UTC(2025, 8, 23, 3))
  })

  test('ends when clocks say so on the day they change', () => {
    // 2025-10-26 is a Sunday on which Berlin goes from UTC+2 to UTC+1 at 03:00.
    expect(end(['U/0-17/Europe/Berlin'], Date.UTC(2025, 9, 25, 23))).toBe(Date.UTC(2025, 9, 26, 16))
  })

  test('without ranges never holds', () => {
    expect(end(['M//UTC'], utc(12))).toBeUndefined()
    expect(end(['M/ /UTC', 'M/13-14/UTC'], utc(12))).toBeUndefined()
  })

  test.each([
    ['M/9-17,18:30-20:00/Europe/Berlin', undefined],
    ['S//UTC', undefined],
    ['U/true/UTC', undefined],
    ['R/9:00:00.123-17/UTC', undefined],
    ['M/9-17', 'timezone is required'],
    ['M/9-17/', 'timezone is required'],
    ['M/9-17/Mars/Olympus', 'invalid timezone'],
    ['M/9-17/+01:00', 'invalid timezone'],
    ['X/9-17/UTC', 'invalid day of the week'],
    ['/9-17/UTC', 'invalid day of the week'],
    ['MT/9-17/UTC', 'invalid day of the week'],
    ['M/9/UTC', 'invalid time range'],
    ['M/25-26/UTC', 'invalid time range'],
    ['M/9:60-17/UTC', 'invalid time range'],
    ['M/9-17-18/UTC', 'invalid time range'],
    ['M/nine-five/UTC', 'invalid time range'],
    ['M/17-9/UTC', 'less than or equal to the end'],
  ])('%s is parsed or refused: %s', (text, defect) => {
    const schedule = parseDaySchedule([text])

    if (defect === undefined) expect(schedule).toMatchObject([{ day: expect.any(Number) }])
    else expect(schedule).toContain(defect)
  })

  test('is never thrown at, whatever the text', () => {
    fc.assert(fc.property(fc.array(fc.string()), texts => void parseDaySchedule(texts)))
    const parts = fc.array(fc.constantFrom('M', '/', '9', '-', '17', ',', ':', 'UTC', 'true', '.')).map(p => p.join(''))
    fc.assert(fc.property(parts, text => void parseDaySchedule([text])))
  })
})
