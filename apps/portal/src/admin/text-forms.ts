import type { ConditionInput, FilterInput } from '@sallyport/portal-core'
import { UsageError } from './command.ts'

/** Parses `tcp`, `tcp/443`, `udp/8000-8100` or `icmp`. */
export function parseFilterText(text: string): FilterInput {
  const [protocol, ports] = text.split('/')
  return { protocol: protocol!, ports: ports === undefined ? [] : ports.split(',') }
}

/** Parses `remote_ip:is_in_cidr:203.0.113.0/24,198.51.100.7`; values of times are separated by semicolons. */
export function parseConditionText(text: string): ConditionInput {
  const [property, operator, ...rest] = text.split(':')
  if (property === undefined || operator === undefined || rest.length === 0) {
    throw new UsageError(`"${text}" is no condition, such as remote_ip:is_in_cidr:203.0.113.0/24`)
  }
  const separator = property === 'current_utc_datetime' ? ';' : ','
  return { property, operator, values: rest.join(':').split(separator) }
}

/** Parses a date such as `2026-01-31` or `2026-01-31T12:00:00Z`, or a length such as `7d` or `12h`. Unix milliseconds. */
export function parseExpiry(text: string, now: number): number {
  const length = /^(\d{1,5})([dh])$/.exec(text)
  const at = length ? now + Number(length[1]) * (length[2] === 'd' ? 86_400_000 : 3_600_000) : Date.parse(text)
  if (Number.isNaN(at)) throw new UsageError(`"${text}" is no date or length of time, such as 2026-01-31 or 7d`)
  return at
}
