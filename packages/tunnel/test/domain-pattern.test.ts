import { DomainName } from '@sallyport/dns-message'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { comparePatterns, DomainPattern } from '../src/index.ts'

describe('a pattern', () => {
  test.each([
    ['example.com', 'example.com EXAMPLE.com', 'www.example.com'],
    ['*.example.com', 'a.example.com example.com EXAMPLE.com A.Example.com', 'a.b.example.com'],
    ['**.example.com', 'example.com a.example.com a.b.example.com EXAMPLE.COM', 'example.org'],
    ['app.**.example.com', 'app.example.com app.x.y.example.com', 'example.com x.app.example.com'],
    ['app.*.*.example.com', 'app.a.b.example.com', 'app.a.example.com'],
    ['app.f??.example.com', 'app.foo.example.com', 'app.fo.example.com'],
    ['*?*.example.com', 'app.example.com', 'a.b.example.com example.com'],
    ['app.**.web.**.example.com', 'app.web.example.com app.a.web.b.c.example.com', 'app.example.com'],
    ['app.*com', 'app.xcom', 'app.foo.com'],
    ['app?com', 'appxcom', 'app.com'],
    ['app.**', 'app.x app.x.y', 'app'],
    ['*.*.example.com', 'a.b.example.com', 'a.example.com example.com'],
    ['app[0-9].example.com', 'app7.example.com', 'appx.example.com app.example.com'],
    ['app[!ab].example.com', 'appx.example.com', 'appa.example.com'],
    ['**', 'x x.y', ''],
  ])('%s', (text, matches, others) => {
    const pattern = DomainPattern.parse(text)!
    expect(pattern.text).toBe(text)
    for (const name of matches.split(' ')) expect(pattern.matches(DomainName.of(name)), name).toBe(true)
    for (const name of others.split(' ').filter(Boolean)) expect(pattern.matches(DomainName.of(name)), name).toBe(false)
  })

  test.each(['a**.example.com', '***.com', 'x[.com', 'x[].com', '**a'])('%s is none', text => {
    expect(DomainPattern.parse(text)).toBeUndefined()
  })

  test('of anything takes no time over anything', () => {
    const text = fc.stringMatching(/^[a*?.[\]-]{1,60}$/)
    const name = fc.stringMatching(/^[ab.]{1,100}$/).map(DomainName.parse)
    fc.assert(
      fc.property(
        text,
        name.filter(parsed => parsed !== undefined),
        (pattern, parsed) => {
          DomainPattern.parse(pattern)?.matches(parsed)
        },
      ),
    )
    const start = `${'*a'.repeat(30)}b`
    expect(DomainPattern.parse(start)!.matches(DomainName.of('a'.repeat(63)))).toBe(false)
  })
})

describe('the order of patterns', () => {
  const ordered = [
    'example.com',
    'bar.example.com',
    '*.bar.example.com',
    'foo.example.com',
    '?.example.com',
    '*.example.com',
    '**.example.com',
    '*ample.com',
    '*.com',
  ]

  test('has the more specific one first', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ordered, { minLength: ordered.length }), shuffled => {
        expect(shuffled.sort(comparePatterns)).toEqual(ordered)
      }),
    )
  })

  test('is total', () => {
    const text = fc.stringMatching(/^[ab*?.]{1,8}$/)
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(Math.sign(comparePatterns(a, b))).toBe(-Math.sign(comparePatterns(b, a)) + 0)
        expect(comparePatterns(a, b) === 0).toBe(a === b)
        if (comparePatterns(a, b) < 0 && comparePatterns(b, c) < 0) expect(comparePatterns(a, c)).toBeLessThan(0)
      }),
    )
  })
})
