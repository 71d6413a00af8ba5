import { IpAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IpPrefix, PrefixTable } from '../src/index.ts'
import { ipAddress } from './arbitraries.ts'

const prefix: fc.Arbitrary<IpPrefix> = fc
  .constantFrom<(4 | 6)[]>(4, 6)
  .chain(family => fc.tuple(clustered(family), fc.nat(family === 4 ? 32 : 128)))
  .map(([address, length]) => IpPrefix.around(address, length))

describe('a prefix', () => {
  test.each(['10.0.0.0/8', '0.0.0.0/0', '192.0.2.1/32', '2001:db8::/32', '::/0', 'fd00:2021:1111::/107'])(
    '%s prints as it was parsed',
    text => {
      expect(IpPrefix.of(text).text).toBe(text)
      expect(JSON.stringify(IpPrefix.of(text))).toBe(`"${text}"`)
      expect(`${IpPrefix.of(text)}`).toBe(text)
    },
  )

  test.each(['10.0.0.1/8', '10.0.0.0', '10.0.0.0/33', '::1/127', '::/129', 'a/8', '10.0.0.0/08', '/8', '10.0.0.0/8/8'])(
    '%s is none',
    text => {
      expect(IpPrefix.parse(text)).toBeUndefined()
      expect(() => IpPrefix.of(text)).toThrow(RangeError)
    },
  )

  test('contains what has its leading bits', () => {
    const net = IpPrefix.of('100.64.0.0/11')
    expect(net.contains(IpAddress.of('100.95.255.255'))).toBe(true)
    expect(net.contains(IpAddress.of('100.96.0.0'))).toBe(false)
    expect(net.contains(IpAddress.of('::1'))).toBe(false)
    expect(net.covers(IpPrefix.of('100.64.1.0/24'))).toBe(true)
    expect(net.covers(IpPrefix.of('100.64.0.0/10'))).toBe(false)
    expect(net.equals(IpPrefix.of('100.64.0.0/11'))).toBe(true)
    expect(IpPrefix.host(IpAddress.of('::1')).text).toBe('::1/128')
    expect(() => IpPrefix.around(IpAddress.of('::1'), 129)).toThrow(RangeError)
  })
})

describe('a prefix table', () => {
  test('finds the longest prefix, as a search through all of them does', () => {
    const command = fc.record({ prefix, remove: fc.boolean() })
    const address = fc.oneof(clustered(4), clustered(6), ipAddress(4), ipAddress(6))
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), fc.array(address, { maxLength: 40 }), (commands, addresses) => {
        const table = new PrefixTable<string>()
        const model = new Map<string, IpPrefix>()
        for (const { prefix, remove } of commands) {
          if (remove) expect(table.delete(prefix)).toBe(model.delete(prefix.text))
          else {
            table.set(prefix, prefix.text)
            model.set(prefix.text, prefix)
          }
        }

        expect(table.size).toBe(model.size)
        expect([...table.entries()].map(([prefix]) => prefix.text).sort()).toEqual([...model.keys()].sort())
        for (const { prefix } of commands) expect(table.at(prefix)).toBe(model.get(prefix.text)?.text)
        for (const address of addresses) expect(table.get(address)).toBe(search(model.values(), address))
      }),
      { numRuns: 300 },
    )
  })

  test('a value is replaced, and everything can be cleared', () => {
    const table = new PrefixTable<number>()
    table.set(IpPrefix.of('10.0.0.0/8'), 1)
    table.set(IpPrefix.of('10.0.0.0/8'), 2)
    expect([table.size, table.get(IpAddress.of('10.1.1.1'))]).toEqual([1, 2])

    table.clear()
    expect([table.size, table.get(IpAddress.of('10.1.1.1'))]).toEqual([0, undefined])
  })
})

/** Addresses that often share leading bits. */
function clustered(family: 4 | 6): fc.Arbitrary<IpAddress> {
  const length = family === 4 ? 4 : 16
  return fc
    .array(fc.constantFrom(0, 0, 1, 128, 255), { minLength: length, maxLength: length })
    .map(bytes => IpAddress.fromBytes(Uint8Array.from(bytes)))
}

function search(prefixes: Iterable<IpPrefix>, address: IpAddress): string | undefined {
  let best: IpPrefix | undefined
  for (const prefix of prefixes)
    if (prefix.contains(address) && (best === undefined || prefix.length > best.length)) best = prefix
  return best?.text
}
