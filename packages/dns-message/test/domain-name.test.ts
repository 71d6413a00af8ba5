import { IpAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DomainName, parseReverseName, reverseName } from '../src/index.ts'
import { anyName } from './arbitraries.ts'

describe('the text of a name', () => {
  test('reads back to the name, whatever bytes its labels have', () => {
    fc.assert(
      fc.property(anyName, name => {
        const again = DomainName.of(name.text)
        expect(again.wire).toEqual(name.wire)
        expect(again.text).toBe(name.text)
      }),
    )
  })

  test('has no trailing dot, which is taken all the same', () => {
    expect(DomainName.of('example.com.').text).toBe('example.com')
    expect(DomainName.of('.')).toBe(DomainName.ROOT)
    expect(DomainName.ROOT.text).toBe('.')
    expect(`${DomainName.of('a.b')} ${JSON.stringify(DomainName.of('a.b'))}`).toBe('a.b "a.b"')
  })

  test('escapes dots, spaces and backslashes with a backslash and the rest in decimal', () => {
    const label = Uint8Array.of(0x61, 0x2e, 0x20, 0x5c, 0x00, 0xff)
    expect(DomainName.fromLabels([label])!.text).toBe(String.raw`a\.\ \\\000\255`)
  })

  test('keeps its case, which does not matter for what is equal', () => {
    const [a, b] = [DomainName.of('Git.Corp.example'), DomainName.of('git.corp.EXAMPLE')]
    expect(a.text).toBe('Git.Corp.example')
    expect(a.equals(b)).toBe(true)
    expect(a.key).toBe(b.key)
    expect(a.equals(DomainName.of('git.corp'))).toBe(false)
  })

  test.each([
    ['', 'nothing'],
    ['a..b', 'an empty label'],
    ['.a', 'an empty first label'],
    ['a..', 'two dots at the end'],
    ['é.com', 'letters beyond ASCII'],
    ['a\\', 'a backslash at the end'],
    ['a\\999', 'no byte'],
    ['a\\é', 'an escaped letter beyond ASCII'],
    ['a'.repeat(64), 'a label of 64 bytes'],
    [`${'a'.repeat(63)}.`.repeat(4), 'a name of 257 bytes'],
  ])('%j is refused: %s', text => {
    expect(DomainName.parse(text)).toBeUndefined()
    expect(() => DomainName.of(text)).toThrow(RangeError)
  })

  test('labels have from 1 to 63 bytes, all together 255', () => {
    expect(DomainName.fromLabels([new Uint8Array(0)])).toBeUndefined()
    expect(DomainName.fromLabels([new Uint8Array(64)])).toBeUndefined()
    expect(DomainName.fromLabels(Array.from({ length: 4 }, () => new Uint8Array(63).fill(97)))).toBeUndefined()
    expect(DomainName.of(`${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(61)}`).wire).toHaveLength(255)
  })
})

describe('reverse names', () => {
  test('lead back to their address', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    )
    fc.assert(
      fc.property(bytes, bytes => {
        const address = IpAddress.fromBytes(bytes)
        expect(parseReverseName(reverseName(address))?.text).toBe(address.text)
      }),
    )
  })

  test('are as the standards spell them, in whatever case', () => {
    expect(parseReverseName(DomainName.of('1.0.96.100.IN-ADDR.ARPA'))?.text).toBe('100.96.0.1')
    expect(reverseName(IpAddress.of('2001:db8::1')).text).toBe(`${'1.'}${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`)
  })

  test.each([
    'x.1.0.96.100.in-addr.arpa',
    '0.96.100.in-addr.arpa',
    '1.0.96.100.in-addr.example',
    '1.0.96.100.ip6.arpa',
    '01.0.96.100.in-addr.arpa',
    `${'0.'.repeat(32)}in-addr.arpa`,
    `${'0.'.repeat(33)}ip6.arpa`,
    `${'00.'.repeat(32)}ip6.arpa`,
    'arpa',
  ])('%s is none', text => {
    expect(parseReverseName(DomainName.of(text))).toBeUndefined()
  })
})
