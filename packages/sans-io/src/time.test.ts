import { expect, test } from 'vitest'
import { add, earliest, elapsed, type Instant, millis, minutes, seconds } from './time.ts'
import { TimerTable } from './timer-table.ts'

const at = (n: number): Instant => n as Instant

test('lengths of time are milliseconds', () => {
  expect([millis(5), seconds(5), minutes(5)]).toEqual([5, 5000, 300_000])
  expect(add(at(10), seconds(1))).toBe(1010)
  expect(elapsed(at(10), at(4))).toBe(-6)
})

test('the earliest deadline is the smallest that is set', () => {
  expect(earliest(undefined, at(3), at(2), undefined)).toBe(2)
  expect(earliest(undefined)).toBeUndefined()
  expect(earliest()).toBeUndefined()
})

test('due timers are taken once, earliest first', () => {
  const timers = new TimerTable<'a' | 'b' | 'c'>()
  timers.set('a', at(20))
  timers.set('b', at(10))
  timers.set('c', at(30))

  expect(timers.next).toBe(10)
  expect(timers.takeDue(at(20))).toEqual(['b', 'a'])
  expect(timers.takeDue(at(20))).toEqual([])
  expect(timers.next).toBe(30)
})

test('a timer that is set again moves, one that is stopped is forgotten', () => {
  const timers = new TimerTable<'a'>()
  timers.set('a', at(20))
  timers.set('a', at(30))

  expect(timers.get('a')).toBe(30)
  timers.stop('a')
  expect(timers.get('a')).toBeUndefined()
  expect(timers.next).toBeUndefined()
})
