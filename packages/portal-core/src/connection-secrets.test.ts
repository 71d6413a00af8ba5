import { portableCrypto } from '@sallyport/crypto'
import { expect, test } from 'vitest'
import { connectionSecrets } from './connection-secrets.ts'
import { turnCredentials } from './turn-credentials.ts'

const range = (from: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => from + i)
const CLIENT = {
  id: '8f2a4f0e-8d5c-4d2b-9a55-2f3a5f0c7b11',
  publicKey: '+HapiGI5UdeRjKuKTwk4ZPPYpCnlXHvvqebcIevL+2A=',
  pskBase: range(0),
}
const GATEWAY = {
  id: '3d1c2b0a-6f5e-4c3d-8b2a-190817263544',
  publicKey: 'HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=',
  pskBase: range(0x20),
}

test('both sides get the secrets that Firezone would give them', () => {
  expect(connectionSecrets(portableCrypto, CLIENT, GATEWAY)).toEqual({
    presharedKey: 'ytHA17IoNSWJ3JmqJD1p8aPU0G5XNsTSKZKFPV8RBz4=',
    clientIce: { username: 'jj6i', password: 'iozdbpc2k57qee5tzix5gf' },
    gatewayIce: { username: 'xczi', password: '2sud3fng35wscya264egoa' },
  })
})

test('so they do for a second pair of devices', () => {
  const client = {
    id: 'a6ba3a5c-3c8c-4e4c-a9bb-7f1a5d0f9d01',
    publicKey: 'e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM=',
    pskBase: new Uint8Array(32).fill(0xaa),
  }
  const gateway = {
    id: 'd263d490-a0bb-452a-8990-01d27a1f1144',
    publicKey: 'D6poTtKIZ7l/Smot7l34zpdOdrcBjj8iocTPJnhXDyA=',
    pskBase: new Uint8Array(32).fill(0xbb),
  }

  expect(connectionSecrets(portableCrypto, client, gateway)).toEqual({
    presharedKey: '/1CNb8SScWWK+5WNus5VkyA50py/EPY6YV2iSipLOlA=',
    clientIce: { username: 'dfvk', password: 'hi3njgkl4gc2fyhehq5pe7' },
    gatewayIce: { username: '3amc', password: '2ljhaseypzgs5vxv66mfva' },
  })
})

test('a new key on either side changes all of them', () => {
  const before = connectionSecrets(portableCrypto, CLIENT, GATEWAY)
  const after = connectionSecrets(portableCrypto, { ...CLIENT, publicKey: GATEWAY.publicKey }, GATEWAY)

  expect(after.presharedKey).not.toBe(before.presharedKey)
  expect(after.clientIce).not.toEqual(before.clientIce)
  expect(after.gatewayIce).not.toEqual(before.gatewayIce)
})

test('credentials at a relay are those that the relay computes', () => {
  const secret = '4c98bf59c99b3e467ecd7cf9d6b3e5279645fca59be67bc5bb4af3cf653761ab'

  expect(turnCredentials(portableCrypto, CLIENT.publicKey, secret, 1_767_225_600)).toEqual({
    username: '1767225600:NlpbFjNdydh79lrATMjo2A2dncNDhw33hlatdBZi0xg',
    password: 'HSWpnHBK/9qo6RtwiFDuh4gfDSbhQMnL+Xi6W360+eM',
    expiresAt: 1_767_225_600,
  })
})

test('so they are for another relay and peer', () => {
  const key = 'e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM='

  expect(turnCredentials(portableCrypto, key, 'stampsecret', 1_759_190_400)).toEqual({
    username: '1759190400:h/1u8w1kIQpXI1fuYMFu3TAtgc7f3UUVrYCVIY6UfmE',
    password: 'vgoEcCQ1LbN4Mu85V2K0tIZTOd604JgfTqYGyk3V9FA',
    expiresAt: 1_759_190_400,
  })
})
