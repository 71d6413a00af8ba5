import { type Instant, millis } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { Congestion } from './congestion.ts'
import { RetransmissionTimer } from './retransmission-timer.ts'
import { INITIAL_RTO, MAX_RTO, RttEstimator } from './rtt-estimator.ts'
import { addSequence, distance, isBefore, isWithin, latest } from './sequence-number.ts'

test('the timeout is a second before anything is measured (RFC 6298 §2.1)', () => {
  expect(new RttEstimator().rto).toBe(INITIAL_RTO)
})

test('the timeout follows the round trip and its variation (RFC 6298 §2.2, §2.3)', () => {
  const estimator = new RttEstimator()
  estimator.sample(millis(400))
  expect(estimator.rto).toBe(400 + 4 * 200)
  estimator.sample(millis(800))
  expect(estimator.rto).toBe(450 + 4 * 250)
  for (let i = 0; i < 100; i++) estimator.sample(millis(10))
  expect(estimator.rto).toBeCloseTo(210, 0)
  estimator.sample(millis(1e6))
  expect(estimator.rto).toBe(MAX_RTO)
})

test('each expiration doubles the timer, up to a minute, until the peer answers', () => {
  const timer = new RetransmissionTimer()
  const waits: number[] = []
  let now = 0 as Instant
  for (let i = 0; i < 9; i++) {
    timer.start('retransmit', millis(500), now)
    timer.start('retransmit', millis(500), 1e9 as Instant) // runs already
    waits.push(timer.deadline! - now)
    expect(timer.takeDue((timer.deadline! - 1) as Instant)).toBeUndefined()
    now = timer.deadline!
    expect(timer.takeDue(now)).toBe('retransmit')
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])

  timer.relax()
  timer.start('probe', millis(500), now)
  expect([timer.purpose, timer.deadline! - now]).toEqual(['probe', 500])
  timer.stop()
  expect([timer.purpose, timer.deadline]).toEqual([undefined, undefined])
})

test('a window grows by a segment each acknowledgement, and above the threshold by one each round trip', () => {
  const congestion = new Congestion(1000, 0)
  congestion.acknowledged(5000, 5000)
  expect(congestion.window).toBe(11_000)
  congestion.timedOut(5000, 13_000, true)
  expect(congestion.window).toBe(1000)
  for (let una = 6000; una <= 8000; una += 1000) congestion.acknowledged(1000, una)
  expect(congestion.window).toBe(4000)
  congestion.acknowledged(1000, 9000)
  expect(congestion.window).toBe(4250)
})

test('three duplicates retransmit once, partial acknowledgements go on, and recovery ends with half the window', () => {
  const congestion = new Congestion(1000, 0)
  const advice = [1, 2, 3, 4].map(() => congestion.duplicate(0, 10_000))
  expect(advice).toEqual(['go-on', 'go-on', 'retransmit-first', 'go-on'])
  expect(congestion.window).toBe(5000 + 4000)

  expect(congestion.acknowledged(3000, 3000)).toBe('retransmit-first')
  expect(congestion.acknowledged(7000, 10_000)).toBe('go-on')
  expect(congestion.window).toBe(5000)
})

test('duplicates of what a timeout has sent again are no new loss (RFC 6582 §4)', () => {
  const congestion = new Congestion(1000, 0)
  congestion.timedOut(0, 10_000, true)
  expect([1, 2, 3].map(() => congestion.duplicate(5000, 10_000))).toEqual(['go-on', 'go-on', 'go-on'])
})

test('sequence numbers wrap', () => {
  expect(addSequence(0xffff_fffe, 3)).toBe(1)
  expect(distance(0xffff_fffe, 1)).toBe(3)
  expect(isBefore(0xffff_fffe, 1)).toBe(true)
  expect(isBefore(1, 1)).toBe(false)
  expect(latest(0xffff_fffe, 1)).toBe(1)
  expect([isWithin(0, 0xffff_fffe, 3), isWithin(1, 0xffff_fffe, 3)]).toEqual([true, false])
})
