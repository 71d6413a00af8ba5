import { describe, expect, test } from 'vitest'
import { behaviourOf, type NatBehaviour, type NatKind, reachabilityOf, type Site } from '../src/index.ts'

const at = (nat: NatKind | NatBehaviour | 'none', more: Partial<Site> = {}): Site => ({
  nat: nat === 'none' ? nat : behaviourOf(nat),
  isNested: false,
  families: 'v4',
  isOpen: false,
  cable: {},
  ...more,
})

describe('two hosts reach each other directly', () => {
  test.each<[NatKind | 'none', NatKind | 'none', string]>([
    ['none', 'symmetric', 'direct'],
    ['full-cone', 'symmetric', 'direct'],
    ['address-restricted', 'symmetric', 'direct'],
    ['port-restricted', 'port-restricted', 'direct'],
    ['port-restricted', 'symmetric', 'relayed'],
    ['symmetric', 'symmetric', 'relayed'],
  ])('from %s to %s: %s', (client, gateway, expected) => {
    expect(reachabilityOf({ client: at(client), gateway: at(gateway), together: 'apart' })).toBe(expected)
    expect(reachabilityOf({ client: at(gateway), gateway: at(client), together: 'apart' })).toBe(expected)
  })

  test('through IPv6 firewalls, which open for each other', () => {
    const pair = {
      client: at('symmetric', { families: 'dual' }),
      gateway: at('symmetric', { families: 'dual' }),
    } as const
    expect(reachabilityOf({ ...pair, together: 'apart' })).toBe('direct')
  })

  test('if they share no family: never', () => {
    const pair = { client: at('none'), gateway: at('none', { families: 'v6' }) } as const
    expect(reachabilityOf({ ...pair, together: 'apart' })).toBe('relayed')
  })

  test('behind one router: always; behind one carrier only if it hairpins', () => {
    const pair = { client: at('symmetric'), gateway: at('symmetric') } as const
    expect(reachabilityOf({ ...pair, together: 'one-router' })).toBe('direct')
    const home = (hairpins: boolean): Site => at({ ...behaviourOf('full-cone'), hairpins })
    const carrier = (hairpins: boolean) =>
      ({ client: home(hairpins), gateway: home(hairpins), together: 'one-carrier' }) as const
    expect(reachabilityOf(carrier(true))).toBe('direct')
    expect(reachabilityOf(carrier(false))).toBe('relayed')
  })
})
