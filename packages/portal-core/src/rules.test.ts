import { IpAddress, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBase64Url, toBase32, toBase32Hex, toBase64Url } from './base-encoding.ts'
import { cidrContains, cidrsOverlap, formatCidr, parseCidr } from './cidr.ts'
import { parseFilter, viewFilters } from './filter.ts'
import { chooseGateway, type GatewayCandidate } from './gateway-choice.ts'
import { distanceKm, locate } from './location.ts'
import { chooseRelays } from './relay-choice.ts'
import { parseResourceAddress } from './resource-address.ts'
import {
  allocateFrom,
  allocateTunnelAddress,
  hostOf,
  TUNNEL_RANGES,
  TunnelRangeExhaustedError,
} from './tunnel-address.ts'
import { compareVersions, isCompatible, parseVersion, type Version } from './version.ts'

const random = seededRandom(5)
const version = (text: string): Version => parseVersion(text)!

describe('versions', () => {
  test('are ordered as versions, not as text', () => {
    expect(compareVersions(version('1.4.16'), version('1.4.9'))).toBeGreaterThan(0)
    expect(compareVersions(version('1.4.9'), version('1.4.9-rc.1'))).toBe(0)
    expect(compareVersions(version('1.10.0'), version('2.0.0'))).toBeLessThan(0)
  })

  test.each(['', '1.5', 'v1.5.8', '1.5.x', '1.5.8 '])('%j is none', text => {
    expect(parseVersion(text)).toBeUndefined()
  })

  test.each([
    ['1.5.8', '1.3.9', false],
    ['1.5.8', '1.4.0', true],
    ['1.5.8', '1.6.99', true],
    ['1.5.8', '1.7.0', false],
    ['1.5.8', '2.5.0', false],
    ['1.0.3', '1.0.0', true],
    ['1.0.3', '0.9.0', false],
  ])('a client %s and a gateway %s are compatible: %s', (client, gateway, expected) => {
    expect(isCompatible(version(client), version(gateway))).toBe(expected)
  })
})

describe('the choice of a gateway', () => {
  const berlin = { latitude: 52.52, longitude: 13.405 }
  const paris = { latitude: 48.8566, longitude: 2.3522 }
  const gateway = (id: string, text: string, coordinates?: typeof berlin): GatewayCandidate => ({
    id,
    version: parseVersion(text),
    coordinates,
  })
  const wish = { clientVersion: version('1.5.0'), coordinates: paris, connectedGatewayIds: new Set<string>() }

  test('takes the newest of the nearest', () => {
    const gateways = [
      gateway('far', '1.6.0', berlin),
      gateway('old', '1.4.9', paris),
      gateway('new', '1.4.16', paris),
      gateway('nowhere', '1.6.0'),
    ]

    for (let i = 0; i < 20; i++) expect(chooseGateway(gateways, wish, random)?.id).toBe('new')
  })

  test('takes a connected one, wherever that is', () => {
    const gateways = [gateway('near', '1.5.0', paris), gateway('connected', '1.4.0', berlin)]

    expect(chooseGateway(gateways, { ...wish, connectedGatewayIds: new Set(['connected', 'gone']) }, random)?.id).toBe(
      'connected',
    )
  })

  test('takes any when the client is nowhere, and one that is nowhere rather than none', () => {
    const gateways = [gateway('a', '1.5.0', paris), gateway('b', '1.5.0')]
    const chosen = new Set<string>()
    for (let i = 0; i < 50; i++) chosen.add(chooseGateway(gateways, { ...wish, coordinates: undefined }, random)!.id)

    expect(chosen).toEqual(new Set(['a', 'b']))
    expect(chooseGateway([gateways[1]!], wish, random)?.id).toBe('b')
  })

  test('takes none that is incompatible or whose version is unknown', () => {
    expect(chooseGateway([gateway('a', '1.7.0'), gateway('b', 'unknown')], wish, random)).toBeUndefined()
  })
})

describe('the choice of relays', () => {
  const at = (id: string, longitude?: number) => ({
    id,
    coordinates: longitude === undefined ? undefined : { latitude: 0, longitude },
  })
  const here = { latitude: 0, longitude: 0 }

  test('takes one of each of the two nearest places, unknown places last', () => {
    const online = [at('a', 1), at('b', 1), at('c', 2), at('d', 3), at('e')]
    const seen = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const [first, second, ...others] = chooseRelays(online, here, new Set(), random)
      seen.add(first!.id)
      expect(second!.id).toBe('c')
      expect(others).toEqual([])
    }
    expect(seen).toEqual(new Set(['a', 'b']))
    expect(chooseRelays([at('e'), at('a', 1)], here, new Set(), random).map(({ id }) => id)).toEqual(['a', 'e'])
  })

  test('gives one only when all are in one place', () => {
    expect(chooseRelays([at('a', 1), at('b', 1)], here, new Set(), random)).toHaveLength(1)
    expect(chooseRelays([], here, new Set(), random)).toEqual([])
  })

  test('keeps the ones that a peer has, where it can', () => {
    for (let i = 0; i < 20; i++) {
      expect(chooseRelays([at('a', 1), at('b', 1)], here, new Set(['b']), random)[0]!.id).toBe('b')
      expect(chooseRelays([at('a'), at('b'), at('c')], undefined, new Set(['b']), random)[0]!.id).toBe('b')
    }
  })
})

describe('places', () => {
  test('Berlin and Paris are 877.46 km apart', () => {
    const distance = distanceKm({ latitude: 52.52, longitude: 13.405 }, { latitude: 48.8566, longitude: 2.3522 })

    expect(distance).toBeCloseTo(877.46, 1)
  })

  test('a country without coordinates is at its centre, and neither is nowhere', () => {
    expect(locate({ region: 'us', coordinates: '' }).coordinates).toEqual({ latitude: 38, longitude: -97 })
    expect(locate({ region: 'UA', coordinates: ',' }).coordinates).toEqual({ latitude: 49, longitude: 32 })
    expect(locate({ region: 'UA', coordinates: '91.0,0.0' }).coordinates).toEqual({ latitude: 49, longitude: 32 })
    expect(locate({ region: '', coordinates: '' })).toEqual({})
    expect(locate({ coordinates: '1,2' }).coordinates).toEqual({ latitude: 1, longitude: 2 })
  })
})

describe('addresses inside the tunnel', () => {
  const range = { network: IpAddress.of('100.64.0.0'), size: 8 }

  test('are taken upwards from a point, then downwards, and never the first two or the last', () => {
    const taken = new Set<string>()
    const next = (): string => {
      const { text } = allocateFrom(range, 3, address => taken.has(address))
      taken.add(text)
      return text
    }

    expect([next(), next(), next(), next(), next()]).toEqual([3, 4, 5, 6, 2].map(i => `100.64.0.${i}`))
    expect(next).toThrow(TunnelRangeExhaustedError)
    expect(next).toThrow('all addresses of 100.64.0.0 are taken')
  })

  test('lie where the original puts them', () => {
    expect(hostOf(TUNNEL_RANGES[4], 0x0c07).text).toBe('100.64.12.7')
    expect(hostOf(TUNNEL_RANGES[6], 0x0c07).text).toBe('fd00:2021:1111::c07')
    expect(hostOf(TUNNEL_RANGES[4], 2 ** 21 - 1).text).toBe('100.95.255.255')
  })

  test('never collide, whatever is taken', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uniqueArray(fc.integer({ min: 2, max: 6 }), { maxLength: 4 }), (seed, offsets) => {
        const taken = new Set(offsets.map(offset => hostOf(range, offset).text))
        const { text } = allocateTunnelAddress(range, address => taken.has(address), seededRandom(seed))

        expect(taken.has(text)).toBe(false)
        expect(['100.64.0.0', '100.64.0.1', '100.64.0.7']).not.toContain(text)
      }),
    )
  })
})

describe('addresses of resources', () => {
  const accepted = [
    'google',
    'example.com',
    '*.google',
    '*.google.com',
    '**.google.com',
    '?.google.com',
    'web-*.google.com',
    'web-?.foo.google.com',
    'sub.**.example.com',
    '*.*.*.*.google.com',
    '**.xn--fssq61j.com',
    'такі.справи',
    'sub--domain.com',
    `${'a'.repeat(63)}.com`,
    `${'a.'.repeat(51)}com`,
    '*.internal',
  ]
  test.each(accepted)('the name %s is one', address => {
    expect(parseResourceAddress('dns', ` ${address}\t`)).toBe(address)
  })

  const refused = [
    '1.1.1.1',
    '1.1.1.1/32',
    '2600::1',
    '*',
    '**',
    '?',
    '*.*',
    '*.com',
    '?.com',
    'com',
    '**.com.',
    'foo.*',
    'foo.**',
    'foo.**bar.com',
    '**example.com',
    '***.foo.com',
    'example..com',
    '.example.com',
    'example.com.',
    '-example.com',
    'example-.com',
    'example_com',
    'exa&mple.com',
    'example.com:80',
    'http://example.com/',
    'localhost',
    'a.localhost',
    `${'a'.repeat(64)}.com`,
    `${'a'.repeat(63)}.`.repeat(4),
    '',
    ' ',
  ]
  test.each(refused)('the name %j is none', address => {
    expect(parseResourceAddress('dns', address)).toEqual({ defect: expect.any(String) })
  })

  test.each([
    ['192.168.1.255/28', '192.168.1.240/28'],
    ['2607:f8b0:4012:0::200e/128', '2607:f8b0:4012::200e/128'],
    ['10.0.0.0/8', '10.0.0.0/8'],
  ])('the network %s is stored as %s', (text, stored) => {
    expect(parseResourceAddress('cidr', text)).toBe(stored)
  })

  test.each([
    '192.168.1.1',
    '192.168.1.256/28',
    '192.168.1.1/33',
    '192.168.1.1/x',
    '1.1.1.1/1/1',
    '0.0.0.0/0',
    '0.0.0.0/16',
    '::/0',
    '::0/32',
    '::8/8',
    '::1/128',
    '127.0.0.1/32',
    '100.64.0.0/8',
    '100.96.0.0/11',
    'fd00:2021:1111::/102',
    'fd00:2021:1111:8000::/96',
  ])('the network %s is refused', text => {
    expect(parseResourceAddress('cidr', text)).toEqual({ defect: expect.any(String) })
  })

  test('an IP address has no prefix and no port', () => {
    expect(parseResourceAddress('ip', '10.0.0.1')).toBe('10.0.0.1')
    expect(parseResourceAddress('ip', '2001:DB8::1')).toBe('2001:db8::1')
    for (const text of ['10.0.0.1/32', '[2001:db8::1]:80', '10.0.0.1:80', '127.0.0.1', '::1', '100.64.0.1', 'x']) {
      expect(parseResourceAddress('ip', text)).toEqual({ defect: expect.any(String) })
    }
  })
})

describe('filters', () => {
  test('have ports and ranges of ports, or all', () => {
    const filter = parseFilter({ protocol: 'tcp', ports: ['443', ' 80 -90'] })
    expect(filter).toEqual({ protocol: 'tcp', ports: ['443', '80 - 90'] })
    expect(viewFilters([filter as never, { protocol: 'udp', ports: [] }, { protocol: 'icmp', ports: [] }])).toEqual([
      { protocol: 'tcp', port_range_start: 443, port_range_end: 443 },
      { protocol: 'tcp', port_range_start: 80, port_range_end: 90 },
      { protocol: 'udp' },
      { protocol: 'icmp' },
    ])
  })

  test.each([
    [{ protocol: 'tcp', ports: ['90 - 80'] }],
    [{ protocol: 'tcp', ports: ['65536'] }],
    [{ protocol: 'tcp', ports: ['http'] }],
    [{ protocol: 'icmp', ports: ['1'] }],
    [{ protocol: 'sctp' }],
  ])('are refused as %j', input => {
    expect(typeof parseFilter(input)).toBe('string')
  })
})

describe('networks', () => {
  test('overlap in both directions, but not across families', () => {
    const [wide, narrow, six] = ['10.0.0.0/8', '10.1.0.0/16', '::/0'].map(text => parseCidr(text)!)
    expect(cidrsOverlap(wide!, narrow!)).toBe(true)
    expect(cidrsOverlap(narrow!, wide!)).toBe(true)
    expect(cidrsOverlap(wide!, six!)).toBe(false)
    expect(cidrContains(narrow!, IpAddress.of('10.1.2.3'))).toBe(true)
    expect(cidrContains(narrow!, IpAddress.of('10.2.2.3'))).toBe(false)
  })

  test('whatever parses is written in a form that parses to the same', () => {
    const octet = fc.nat(255)
    fc.assert(
      fc.property(octet, octet, octet, octet, fc.nat(32), (a, b, c, d, length) => {
        const cidr = parseCidr(`${a}.${b}.${c}.${d}/${length}`)!
        expect(formatCidr(parseCidr(formatCidr(cidr))!)).toBe(formatCidr(cidr))
        expect(cidrContains(cidr, IpAddress.of(`${a}.${b}.${c}.${d}`))).toBe(true)
      }),
    )
  })
})

describe('encodings', () => {
  test('are those of RFC 4648 §10', () => {
    const bytes = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0))
    expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map(text => toBase32(bytes(text)))).toEqual([
      '',
      'my',
      'mzxq',
      'mzxw6',
      'mzxw6yq',
      'mzxw6ytb',
      'mzxw6ytboi',
    ])
    expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map(text => toBase32Hex(bytes(text)))).toEqual([
      '',
      'CO======',
      'CPNG====',
      'CPNMU===',
      'CPNMUOG=',
      'CPNMUOJ1',
      'CPNMUOJ1E8======',
    ])
  })

  test('of base64url come back, and nothing else is taken for it', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(parseBase64Url(toBase64Url(bytes))).toEqual(bytes)
      }),
    )
    for (const text of ['a', 'ab=', 'a+b/', 'AB C']) expect(parseBase64Url(text)).toBeUndefined()
  })
})
