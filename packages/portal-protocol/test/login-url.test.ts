import { portableCrypto } from '@sallyport/crypto'
import { IpAddress } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import {
  externalId,
  keyBytes,
  keyOf,
  loginUrl,
  type PeerLogin,
  PortalUrlError,
  parseKey,
  peerUserAgent,
  relayUserAgent,
  versionOfUserAgent,
} from '../src/index.ts'

const login: PeerLogin = {
  role: 'client',
  apiUrl: 'ws://api:8081',
  token: 'n.SFM',
  firezoneId: 'EFC7A9E3-3576-4633-B633-7D47BA9E14AC',
  name: 'laptop',
  publicKey: keyOf(new Uint8Array(32)),
}
const url = (changes: Partial<PeerLogin>) => loginUrl({ ...login, ...changes }, portableCrypto)

describe('the login URL', () => {
  test('of a client has its parameters in the order of the original', () => {
    expect(url({}).url).toBe(
      'ws://api:8081/client/websocket?token=n.SFM&external_id=2606a54a327020a1285cc141aeceb5737a91625e5e1a85c234682266f45820bf&name=laptop&public_key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D',
    )
  })

  test('tells a client’s hardware, but no serial number that is none', () => {
    const both = url({ device: { serial: 'C02X', uuid: 'u' } }).url
    expect(both).toContain('&name=laptop&device_serial=C02X&device_uuid=u&public_key=')
    expect(url({ device: { serial: '123456789' } }).url).not.toContain('device_serial')
    expect(url({ role: 'gateway', device: { serial: 'C02X' } }).url).not.toContain('device_serial')
  })

  test('of a relay tells its addresses and port', () => {
    const relay = loginUrl(
      {
        role: 'relay',
        apiUrl: 'https://example.com/',
        token: '.t',
        ipv4: IpAddress.of('203.0.113.1'),
        ipv6: IpAddress.of('2001:db8::1'),
        port: 3478,
      },
      portableCrypto,
    )
    expect(relay.url).toBe(
      'wss://example.com:443/relay/websocket?token=.t&ipv4=203.0.113.1&ipv6=2001%3Adb8%3A%3A1&port=3478',
    )
  })

  test.each([
    ['wss://api.example.com', 'wss://api.example.com:443/client/websocket?'],
    ['http://api.example.com', 'ws://api.example.com:443/client/websocket?'],
    ['ws://api.example.com:80', 'ws://api.example.com:80/client/websocket?'],
    ['https://api.example.com/prefix/?x=1#y', 'wss://api.example.com:443/prefix/client/websocket?'],
    ['wss://[2001:db8::1]:8443/', 'wss://[2001:db8::1]:8443/client/websocket?'],
  ])('%s becomes %s', (apiUrl, start) => {
    expect(url({ apiUrl }).url.startsWith(start)).toBe(true)
  })

  test('shows itself without path and query', () => {
    expect(url({ apiUrl: 'wss://[2001:db8::1]/prefix?a=b' })).toMatchObject({
      origin: 'wss://[2001:db8::1]:443',
      hostname: '2001:db8::1',
      port: 443,
    })
  })

  test('is form-encoded', () => {
    expect(url({ name: "Zoë's PC (1)~" }).url).toContain('&name=Zo%C3%AB%27s+PC+%281%29%7E&')
  })

  test.each([
    ['example.com', 'PORTAL_URL_INVALID'],
    ['', 'PORTAL_URL_INVALID'],
    ['ftp://example.com', 'PORTAL_URL_SCHEME'],
  ])('is refused for %j', (apiUrl, code) => {
    expect(() => url({ apiUrl })).toThrow(expect.objectContaining({ code }))
    expect(() => url({ apiUrl })).toThrow(PortalUrlError)
  })
})

test('an id that is a UUID is hashed, any other goes verbatim', () => {
  expect(externalId('EFC7A9E3-3576-4633-B633-7D47BA9E14AC', portableCrypto)).toMatch(/^2606a54a/)
  expect(externalId('my-laptop', portableCrypto)).toBe('my-laptop')
})

test('a key is the base64 of exactly 32 bytes', () => {
  expect(parseKey('AQID')).toBeUndefined()
  expect(parseKey('!')).toBeUndefined()
  expect(() => keyOf(new Uint8Array(31))).toThrow(RangeError)
  expect(keyBytes(keyOf(new Uint8Array(32).fill(7)))).toEqual(new Uint8Array(32).fill(7))
})

test('user agents tell the version', () => {
  const full = peerUserAgent({
    osName: 'Ubuntu',
    osVersion: '22.4.0',
    version: '1.5.8',
    arch: 'x86_64',
    kernel: '5.15.0',
  })
  expect(full).toBe('Ubuntu/22.4.0 connlib/1.5.8 (x86_64; 5.15.0)')
  expect(peerUserAgent({ osName: 'Linux', version: '1.5.8' })).toBe('Linux connlib/1.5.8')
  expect(versionOfUserAgent(full)).toBe('1.5.8')
  expect(versionOfUserAgent(relayUserAgent('0.1.0'))).toBe('0.1.0')
  expect(versionOfUserAgent('curl/8')).toBeUndefined()
})
