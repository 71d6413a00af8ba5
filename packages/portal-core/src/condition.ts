import { isUuid } from '@sallyport/portal-protocol'
import { IpAddress } from '@sallyport/sans-io'
import { cidrContains, parseCidr } from './cidr.ts'
import { countryCentre } from './country.ts'
import { endOfMatchingRange, parseDaySchedule } from './day-schedule.ts'

/** What a condition looks at. */
export type ConditionProperty =
  | 'remote_ip_location_region'
  | 'remote_ip'
  | 'provider_id'
  | 'client_verified'
  | 'current_utc_datetime'

/** One condition of a policy. All conditions of a policy must hold. */
export type Condition =
  | {
      readonly property: 'remote_ip_location_region'
      readonly operator: 'is_in' | 'is_not_in'
      readonly values: readonly string[]
    }
  | {
      readonly property: 'remote_ip'
      readonly operator: 'is_in_cidr' | 'is_not_in_cidr'
      readonly values: readonly string[]
    }
  | { readonly property: 'provider_id'; readonly operator: 'is_in' | 'is_not_in'; readonly values: readonly string[] }
  | { readonly property: 'client_verified'; readonly operator: 'is'; readonly values: readonly string[] }
  | {
      readonly property: 'current_utc_datetime'
      readonly operator: 'is_in_day_of_week_time_ranges'
      readonly values: readonly string[]
    }

/** The client as conditions see it: what was known when it connected last. */
export interface ConditionSubject {
  readonly region: string | undefined
  readonly remoteIp: string | undefined
  /** The provider of the identity that signed in; `undefined` for service accounts. */
  readonly providerId: string | undefined
  readonly isVerified: boolean
}

/** Whether a condition holds, and until when: Unix milliseconds, or infinity where no time is involved. */
export type ConditionVerdict = { readonly holds: true; readonly until: number } | { readonly holds: false }

const HOLDS: ConditionVerdict = { holds: true, until: Number.POSITIVE_INFINITY }
const FAILS: ConditionVerdict = { holds: false }

/** Evaluates one condition at `now` (Unix milliseconds). */
export function evaluateCondition(condition: Condition, subject: ConditionSubject, now: number): ConditionVerdict {
  switch (condition.property) {
    case 'remote_ip_location_region': {
      const isIn = subject.region !== undefined && condition.values.includes(subject.region)
      return isIn === (condition.operator === 'is_in') ? HOLDS : FAILS
    }
    case 'remote_ip': {
      const ip = subject.remoteIp === undefined ? undefined : IpAddress.parse(subject.remoteIp)
      const isIn = ip !== undefined && condition.values.some(value => containsIp(value, ip))
      return isIn === (condition.operator === 'is_in_cidr') ? HOLDS : FAILS
    }
    case 'provider_id': {
      const isIn = subject.providerId !== undefined && condition.values.includes(subject.providerId)
      return isIn === (condition.operator === 'is_in') ? HOLDS : FAILS
    }
    case 'client_verified':
      return subject.isVerified || condition.values[0] !== 'true' ? HOLDS : FAILS
    case 'current_utc_datetime': {
      const schedule = parseDaySchedule(condition.values)
      const until = typeof schedule === 'string' ? undefined : endOfMatchingRange(schedule, now)
      return until === undefined ? FAILS : { holds: true, until }
    }
  }
}

const OPERATORS: Readonly<Record<ConditionProperty, readonly string[]>> = {
  remote_ip_location_region: ['is_in', 'is_not_in'],
  remote_ip: ['is_in_cidr', 'is_not_in_cidr'],
  provider_id: ['is_in', 'is_not_in'],
  client_verified: ['is'],
  current_utc_datetime: ['is_in_day_of_week_time_ranges'],
}

/** Returns the condition with its values trimmed, or the sentence that says what is wrong with it. */
export function parseCondition(input: {
  readonly property: string
  readonly operator: string
  readonly values: readonly string[]
}): Condition | string {
  const operators = Object.hasOwn(OPERATORS, input.property)
    ? OPERATORS[input.property as ConditionProperty]
    : undefined
  if (operators === undefined) return `property "${input.property}" is unknown`
  if (!operators.includes(input.operator)) return `operator must be one of ${operators.join(', ')}`
  const condition = { ...input, values: input.values.map(value => value.trim()) } as Condition
  const defect = defectOfValues(condition)
  return defect ?? condition
}

function defectOfValues(condition: Condition): string | undefined {
  const { values } = condition
  if (values.length === 0) return "values can't be empty"
  switch (condition.property) {
    case 'remote_ip_location_region':
      return values.every(value => countryCentre(value) !== undefined) ? undefined : 'invalid country code'
    case 'remote_ip':
      return values.every(value => parseCidr(value) !== undefined) ? undefined : 'invalid IP address or CIDR'
    case 'provider_id':
      return values.every(isUuid) ? undefined : 'invalid provider id'
    case 'client_verified':
      return values.length === 1 && (values[0] === 'true' || values[0] === 'false')
        ? undefined
        : 'must be true or false'
    case 'current_utc_datetime': {
      const schedule = parseDaySchedule(values)
      return typeof schedule === 'string' ? schedule : undefined
    }
  }
}

function containsIp(text: string, ip: IpAddress): boolean {
  const cidr = parseCidr(text)
  return cidr !== undefined && cidrContains(cidr, ip)
}
