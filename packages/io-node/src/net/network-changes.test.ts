import type { Instant } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  CALM_TIME,
  FIRST_SPACING,
  LONGEST_SPACING,
  LONGEST_WAIT,
  NetworkChanges,
  QUIET_TIME,
} from './network-changes.ts'
import type { NetworkState } from './network-state.ts'

const at = (ms: number): Instant => ms as Instant
const network = (name: string): NetworkState => {
  const addresses = new Set([name])
  return { ways: new Set([`4 2 ${name}`]), addresses, preferred: addresses }
}
const OFFLINE: NetworkState = { ways: new Set(), addresses: new Set(), preferred: new Set() }

/** Stirs, and looks as soon as it is time. Returns when a change was told, or `undefined`. */
function change(changes: NetworkChanges, now: number, to: NetworkState): number | undefined {
  changes.stir(at(now))
  for (let due = changes.lookAt; due !== undefined; due = changes.lookAt) if (changes.look(to, due)) return due
  return undefined
}

describe('changes of the network', () => {
  test('are looked for when it has been quiet', () => {
    const changes = new NetworkChanges(network('home'))
    expect(changes.lookAt).toBeUndefined()

    changes.stir(at(1000))
    changes.stir(at(1100))

    expect(changes.lookAt).toBe(1100 + QUIET_TIME)
  })

  test('are looked for after a while even where it never is quiet', () => {
    const changes = new NetworkChanges(network('home'))

    for (let now = 1000; now < 1000 + LONGEST_WAIT; now += 100) changes.stir(at(now))

    expect(changes.lookAt).toBe(1000 + LONGEST_WAIT)
  })

  test('that come to nothing are not told', () => {
    const changes = new NetworkChanges(network('home'))

    expect(change(changes, 1000, network('home'))).toBeUndefined()
    expect(changes.lookAt).toBeUndefined()
  })

  test('are told once', () => {
    const changes = new NetworkChanges(network('home'))

    expect(change(changes, 1000, network('café'))).toBe(1000 + QUIET_TIME)
    expect(change(changes, 2500, network('café'))).toBeUndefined()
  })

  test('are not told while there is no way out, but when there is one again, though it looks the same', () => {
    const changes = new NetworkChanges(network('home'))

    expect(change(changes, 1000, OFFLINE)).toBeUndefined()
    expect(change(changes, 9000, network('home'))).toBe(9000 + QUIET_TIME)
  })

  test('are told later where one was told just before, even if all looks as then', () => {
    const changes = new NetworkChanges(network('home'))
    const told = change(changes, 1000, network('café'))!

    expect(change(changes, 1250, OFFLINE)).toBeUndefined()
    expect(change(changes, 1500, network('café'))).toBe(told + FIRST_SPACING)
  })

  test('are told at once when somebody says so, even offline, but not again and again', () => {
    const changes = new NetworkChanges(OFFLINE)

    changes.demand(at(1000))
    expect(changes.lookAt).toBe(1000)
    expect(changes.look(OFFLINE, at(1000))).toBe(true)

    changes.demand(at(1010))
    changes.demand(at(1020))
    expect(changes.look(OFFLINE, at(1020))).toBe(false)
    expect(changes.lookAt).toBe(1000 + FIRST_SPACING)
    expect(changes.look(OFFLINE, at(1000 + FIRST_SPACING))).toBe(true)
    expect(changes.lookAt).toBeUndefined()
  })

  test('are told when a machine that started without a network gets one', () => {
    const changes = new NetworkChanges(OFFLINE)

    expect(change(changes, 1000, network('home'))).toBeDefined()
  })

  test('that come one after another are told at growing distances, which end with a quiet minute', () => {
    const changes = new NetworkChanges(network('0'))
    const told: number[] = []
    for (let now = 1000; now < 200_000; now += 250) {
      if (changes.lookAt === undefined || changes.lookAt > now) changes.stir(at(now))
      else if (changes.look(network(`${told.length + 1}`), at(now))) told.push(now)
    }
    while (changes.lookAt !== undefined) changes.look(network(`${told.length}`), changes.lookAt)
    const spacings = told.slice(1).map((each, i) => each - told[i]!)

    expect(spacings[0]).toBeLessThan(2500)
    expect(Math.max(...spacings)).toBeLessThan(LONGEST_SPACING + 2000)
    expect(told.length).toBeLessThan(12)

    const calm = told.at(-1)! + CALM_TIME
    expect(change(changes, calm, network('a'))).toBe(calm + QUIET_TIME)
    expect(change(changes, calm + 300, network('b'))).toBeLessThan(calm + 1500)
  })
})
