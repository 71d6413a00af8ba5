import { add, type Instant, SocketAddress, seconds, seededRandom } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { REPLY_ALLOWANCE, REPLY_ALLOWANCE_BURST, REPLY_NEIGHBOURHOODS, ReplyBudget } from './reply-budget.ts'

const now = 0 as Instant
const at = (text: string): SocketAddress => SocketAddress.of(text)

test('what is not longer than its request costs nothing', () => {
  const budget = new ReplyBudget(seededRandom(1), now)
  for (let i = 0; i < 100_000; i++) expect(budget.spend(at('203.0.113.7:1'), 0, now)).toBe(true)
})

test('a network gets its allowance, in all of its addresses together, and more as time passes', () => {
  const budget = new ReplyBudget(seededRandom(1), now)
  const spendAll = (when: Instant): number => {
    let bytes = 0
    for (let host = 1; host < 255; host++) while (budget.spend(at(`203.0.113.${host}:1`), 64, when)) bytes += 64
    return bytes
  }

  expect(spendAll(now)).toBe(REPLY_ALLOWANCE_BURST)
  expect(spendAll(now)).toBe(0)
  expect(spendAll(add(now, seconds(2)))).toBe(2 * REPLY_ALLOWANCE)
  expect(spendAll(add(now, seconds(29)))).toBe(REPLY_ALLOWANCE_BURST)
})

test('a flood from one network, of either family, takes nothing from others', () => {
  const budget = new ReplyBudget(seededRandom(1), now)
  for (let i = 0; i < 10_000; i++) budget.spend(at(`203.0.113.7:${i}`), 100, now)
  for (let i = 0; i < 10_000; i++) budget.spend(at(`[2001:db8:1:${i.toString(16)}::]:1`), 100, now)
  expect(budget.spend(at('[2001:db8:1:ffff::1]:1'), 100, now)).toBe(false)

  let served = 0
  for (let net = 0; net < 200; net++) if (budget.spend(at(`198.51.${net}.7:1`), 100, now)) served++
  expect(served).toBeGreaterThan(195)
})

test('whoever shares its neighbourhood with a flood doesn’t for long', () => {
  const budget = new ReplyBudget(seededRandom(1), now)
  const unlucky = Array.from({ length: 250 }, (_, i) => at(`198.51.${i}.1:1`)).filter(source => {
    for (let i = 0; i < 100; i++) budget.spend(at(`203.0.113.7:${i}`), 100, now)
    return !budget.spend(source, 100, now)
  })
  const later = add(now, seconds(31))
  for (let i = 0; i < 100; i++) budget.spend(at(`203.0.113.7:${i}`), 100, later)

  for (const source of unlucky) expect(budget.spend(source, 100, later)).toBe(true)
})

test('a flood from everywhere gets no more than all allowances together', () => {
  const budget = new ReplyBudget(seededRandom(1), now)
  let bytes = 0
  for (let second = 0; second < 10; second++)
    for (let i = 0; i < 30_000; i++) {
      const source = at(`${1 + (i % 223)}.${i >> 8}.${second}.1:1`)
      if (budget.spend(source, 100, add(now, seconds(second)))) bytes += 100
    }

  expect(bytes).toBeLessThanOrEqual(REPLY_NEIGHBOURHOODS * (REPLY_ALLOWANCE_BURST + 9 * REPLY_ALLOWANCE))
})
