import { portableCrypto as crypto } from '@sallyport/crypto'
import { fromHex, type Instant, IpAddress, type Random, toHex, type WallClock } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { CookieJar, CookieMaker } from '../src/cookie.ts'
import { RateLimiter, receiveHandshake, staticKeyPair, Tunnel } from '../src/index.ts'
import { cookieKey, mac1Key, writeMacs } from '../src/macs.ts'
import { initiationFields } from '../src/message.ts'
import { createInitiation, readInitiation, readTimestamp } from '../src/noise-handshake.ts'
import { SymmetricState } from '../src/symmetric-state.ts'
import { Tai64nClock } from '../src/tai64n.ts'
import { ALICE, BOB, openCopy, sealed } from './pair.ts'

// A whole handshake with fixed keys, cross-checked with another implementation. Static private keys are 32×0x11
// (initiator) and 32×0x22, ephemeral ones 32×0x33 and 32×0x44, the pre-shared key 32×0x55.
const INITIATION = `01000000 01563412 7b0d47d93427f8311160781c7c733fd89f88970aef490d8aa0ee19a4cb8a1b14
  81e498317da959fba46669572516a5e6c021bfa620bb6c56ca0082e1feae14988c2c64d024c617734a263f76a008df04
  d0f94bad83654ce7fc0f0c559cb70ce414690eefb988c8e535a9ef6b e2170a4f170203c60f3502f5fe644d39
  00000000000000000000000000000000`
const RESPONSE = `02000000 01efcdab 01563412 ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b
  4cc134c3de8a91124b73fc99c1c2b5af 5f3e3a4053a369ec529a12287c8c339a 00000000000000000000000000000000`
const KEEPALIVE = '0400000001efcdab0000000000000000f1bce9fd9651b3f6b50c00179cbd1e01'
const GOODBYE = `600000000008ff00 ${'00'.repeat(32)} 0200000000000000`
const SEALED_GOODBYE = `0400000001efcdab0100000000000000a81cd7aab3b9b756178d13ab4ed0ffa0e2eae65918ca49388cb3bce881b37811
  b726a6c7e5e701543715c73703e5f4a1b5ba6aaa5c2135b575881696a8949473`
const COOKIE = '933c931c9818a6cb936e710ecba4fbf5'
const COOKIE_REPLY = `0300000001563412 777777777777777777777777777777777777777777777777
  b240e3351dfe02c59bde298941da47bd51c5ed28b4af0f4aa5c0c719dec83d7b`

const NOW = 0 as Instant
const WALL_CLOCK = Date.UTC(2025, 8, 23, 0, 0, 0, 500) as WallClock
const hex = (text: string): string => toHex(fromHex(text))
const always =
  (byte: number): Random =>
  out =>
    void out.fill(byte)

function tunnel(side: 'initiator' | 'responder'): Tunnel {
  const [identity, peer, localIndex, ephemeral] =
    side === 'initiator' ? ([ALICE, BOB, 0x123456, 0x33] as const) : ([BOB, ALICE, 0xabcdef, 0x44] as const)
  const random = always(ephemeral)
  return new Tunnel(
    {
      crypto,
      random,
      identity,
      peerPublicKey: peer.publicKey,
      presharedKey: new Uint8Array(32).fill(0x55),
      localIndex,
      rateLimiter: new RateLimiter({ crypto, random, publicKey: identity.publicKey }, NOW),
      calendar: { instant: NOW, wallClock: WALL_CLOCK },
    },
    NOW,
  )
}

describe('the handshake transcript', () => {
  test('both tunnels produce it to the byte', () => {
    const initiator = tunnel('initiator')
    const responder = tunnel('responder')

    initiator.startHandshake(NOW)
    const initiation = initiator.pollTransmit()!
    expect(toHex(initiation)).toBe(hex(INITIATION))

    expect(responder.handleHandshake(initiation, undefined, NOW)).toBeUndefined()
    const response = responder.pollTransmit()!
    expect(toHex(response)).toBe(hex(RESPONSE))

    expect(initiator.handleHandshake(response, undefined, NOW)).toBeUndefined()
    const keepalive = initiator.pollTransmit()!
    expect(toHex(keepalive)).toBe(KEEPALIVE)
    expect(openCopy(responder, keepalive, NOW)).toEqual(new Uint8Array(0))

    const goodbye = sealed(initiator, fromHex(GOODBYE), NOW)!
    expect(toHex(goodbye)).toBe(hex(SEALED_GOODBYE))
    expect(toHex(openCopy(responder, goodbye, NOW) as Uint8Array)).toBe(hex(GOODBYE))
  })

  test('its keys and hashes are those of the paper', () => {
    expect(toHex(ALICE.publicKey)).toBe('7b4e909bbe7ffe44c465a220037d608ee35897d31ef972f07f74892cb0f73f13')
    expect(toHex(BOB.publicKey)).toBe('0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20')
    const state = SymmetricState.initial(crypto, BOB.publicKey)
    expect(toHex(state.chainingKey)).toBe('60e26daef327efc02ec335e2a025d2d016eb4206f87277f52d38d1988b78cd36')
    expect(toHex(state.hash)).toBe('1f02fc782351f5d58de3af43c3b142c4268bf3ae8051d9469eb922a666d4745c')

    const ephemeral = staticKeyPair(crypto, new Uint8Array(32).fill(0x33))
    state.mixHash(ephemeral.publicKey)
    state.mixChainingKey(ephemeral.publicKey)
    const afterEs = state.mixKey(crypto.x25519.diffieHellman(ephemeral.privateKey, BOB.publicKey)!)
    expect(toHex(state.chainingKey)).toBe('b8782bd761f1d0078fb179bf33a29db3906525564566c5c9426ec930c872f7a1')
    expect(toHex(afterEs)).toBe('1295d5fce6e4fd28e89cacb34e3fc1b5f94a5e7424439e3ab3b659d2f57ec290')

    state.encryptAndHash(afterEs, ALICE.publicKey)
    const afterSs = state.mixKey(crypto.x25519.diffieHellman(ALICE.privateKey, BOB.publicKey)!)
    expect(toHex(state.chainingKey)).toBe('24eca314409f2ca9ccbf8d50ebb72b7235d67ed11b21eeefc67942a2596df51e')
    expect(toHex(afterSs)).toBe('92253228a5a30c72e5f4784c782d1608295ed7c6a63dcc7182edb732af95397d')
  })

  test('the hash after message 1, the step of the pre-shared key and the transport keys', () => {
    const staticStatic = crypto.x25519.diffieHellman(BOB.privateKey, ALICE.publicKey)!
    const acquaintance = {
      identity: BOB,
      peerPublicKey: ALICE.publicKey,
      staticStatic,
      presharedKey: new Uint8Array(32).fill(0x55),
    }
    const initiation = readInitiation(crypto, BOB, fromHex(INITIATION))!
    expect(initiation.publicKey).toEqual(ALICE.publicKey)
    expect(initiation.senderIndex).toBe(0x12345601)

    const { timestamp, state } = readTimestamp(acquaintance, initiation)!
    expect(toHex(timestamp)).toBe('4000000068d1e3251dcd6500')
    expect(toHex(state.hash)).toBe('b1e7e8c556f85a873ebaaf3c7e91665b55812389ae6b9b9c9ae9c81ced77cb14')

    const ephemeral = staticKeyPair(crypto, new Uint8Array(32).fill(0x44))
    expect(toHex(ephemeral.publicKey)).toBe('ff2ee45601ec1b67310c7790404585ae697331eee1c1f8cf2419731c1fff3e6b')
    state.mixHash(ephemeral.publicKey)
    state.mixChainingKey(ephemeral.publicKey)
    state.mixChainingKey(crypto.x25519.diffieHellman(ephemeral.privateKey, initiation.ephemeral)!)
    state.mixChainingKey(crypto.x25519.diffieHellman(ephemeral.privateKey, ALICE.publicKey)!)
    const before = state.hash
    const key = state.mixKeyAndHash(acquaintance.presharedKey)
    expect(toHex(key)).toBe('93aea81c527a269cad3c1b29353a100cc145e64a115f8c217934ede9a6475415')
    const temporary = fromHex('bb21f95b6d2d39e2ba8a750bdb4a6d7e06fd15745aca74e5888267cb23558167')
    expect(state.hash).toEqual(crypto.blake2s(new Uint8Array([...before, ...temporary])))

    state.encryptAndHash(key, new Uint8Array(0))
    const { fromInitiator, fromResponder } = state.split()
    expect(toHex(fromInitiator)).toBe('a007faf842d83f5bd3be20a14e0ffcec34c84867b78b051980602713205922de')
    expect(toHex(fromResponder)).toBe('d982d5cd10d34a7802b6c19fa441cd9164d70e4f4d62007ab416879ee8bd1b99')
  })

  test('the label of a time and the MAC key of the responder', () => {
    expect(toHex(new Tai64nClock({ instant: NOW, wallClock: WALL_CLOCK }).label(NOW))).toBe('4000000068d1e3251dcd6500')
    expect(toHex(mac1Key(crypto, BOB.publicKey))).toBe(
      '2b14c2a1d73fe52519772891d6df632bd2408279e87eb80c61bc395fccadf4a6',
    )
  })
})

describe('the cookie of the transcript', () => {
  const remote = IpAddress.of('192.0.2.1')

  test('is made, sent, received and shown to the byte', () => {
    const initiation = fromHex(INITIATION)
    const maker = new CookieMaker(crypto, out => void out.fill(out.length === 16 ? 0x66 : 0x77), BOB.publicKey, NOW)
    expect(toHex(cookieKey(crypto, BOB.publicKey))).toBe(
      'f38243a909cf26b7ec109798fd3dfdbdb7592367db444819154f6582389fdc1b',
    )
    expect(toHex(maker.cookieOf(remote, NOW))).toBe(COOKIE)
    expect(toHex(maker.replyTo(initiation, maker.cookieOf(remote, NOW)))).toBe(hex(COOKIE_REPLY))

    const jar = new CookieJar(crypto, BOB.publicKey)
    jar.asked(0x12345601, initiation.subarray(116, 132))
    expect(jar.receive(fromHex(COOKIE_REPLY), NOW)).toBeUndefined()
    expect(toHex(jar.at(NOW)!)).toBe(COOKIE)

    writeMacs(crypto, initiation, mac1Key(crypto, BOB.publicKey), jar.at(NOW))
    expect(toHex(initiation.subarray(132))).toBe('af4eea55664cf8d2d7b3db0ce5839ccf')
  })
})

test('an initiation without its MACs is already the one of the transcript', () => {
  const staticStatic = crypto.x25519.diffieHellman(ALICE.privateKey, BOB.publicKey)!
  const acquaintance = { identity: ALICE, peerPublicKey: BOB.publicKey, staticStatic, presharedKey: new Uint8Array(32) }
  const timestamp = fromHex('4000000068d1e3251dcd6500')

  const { message } = createInitiation(crypto, always(0x33), acquaintance, 0x12345601, timestamp)

  expect(toHex(message.subarray(0, 116))).toBe(hex(INITIATION).slice(0, 232))
  expect(toHex(initiationFields(message).ephemeral)).toBe(
    '7b0d47d93427f8311160781c7c733fd89f88970aef490d8aa0ee19a4cb8a1b14',
  )
})

test('the door of a node reads whose initiation it is', () => {
  const random = always(0x44)
  const rateLimiter = new RateLimiter({ crypto, random, publicKey: BOB.publicKey }, NOW)

  const received = receiveHandshake({ crypto, identity: BOB, rateLimiter }, fromHex(INITIATION), undefined, NOW)

  expect(received).toMatchObject({ type: 'initiation', initiation: { publicKey: ALICE.publicKey } })
})
