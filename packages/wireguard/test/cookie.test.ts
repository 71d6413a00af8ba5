import { millis, seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { Pair } from './pair.ts'

const INITIATION = 1
const COOKIE_REPLY = 3
const MAC2 = 132

describe('a responder under load', () => {
  test('answers with a cookie, and the repetition that shows it gets through', () => {
    const pair = new Pair({ limit: 0 })
    const shown: boolean[] = []
    pair.fate = (datagram, from) => {
      if (from === pair.alice && datagram[0] === INITIATION) shown.push(datagram.subarray(MAC2).some(byte => byte > 0))
      return from === pair.bob && datagram[0] === 2 ? [] : [millis(0)] // bob's response would meet alice under load
    }
    pair.connect()
    expect(pair.bob.count(COOKIE_REPLY)).toBe(1)
    expect(pair.bob.defects).toEqual(['under-load'])
    expect(pair.alice.defects).toEqual([])
    expect(pair.alice.count(INITIATION)).toBe(1) // a cookie isn't answered at once

    pair.run(seconds(6))
    expect(shown).toEqual([false, true])
    expect(pair.bob.events).toEqual([{ type: 'established', role: 'responder' }])
    expect(pair.alice.events).toEqual([])
  })

  test('is cured by the next window: both sides meet again', () => {
    const pair = new Pair({ limit: 0 })
    pair.fate = () => [millis(10)]
    const packet = pair.send(pair.alice)
    pair.run(seconds(13))

    // alice's initiation, its repetition with a cookie, bob's response, refused with a cookie for bob, …
    expect(pair.bob.events).toContainEqual({ type: 'established', role: 'responder' })
    expect(pair.alice.defects).toContain('under-load')
    expect(pair.bob.packets).toContain(packet)
  })
})

describe('a cookie reply', () => {
  test('that nobody asked for is refused', () => {
    const pair = new Pair()
    pair.inject(pair.alice, cookieReply(0x123456))

    expect(pair.alice.defects).toEqual(['unexpected-cookie'])
  })

  test('to another message than the last is refused', () => {
    const pair = new Pair()
    pair.alice.tunnel.startHandshake(pair.now)
    pair.inject(pair.alice, cookieReply(0x12345602))

    expect(pair.alice.defects).toEqual(['wrong-index'])
  })

  test('that isn’t authentic is refused', () => {
    const pair = new Pair()
    pair.alice.tunnel.startHandshake(pair.now)
    pair.inject(pair.alice, cookieReply(0x12345601))

    expect(pair.alice.defects).toEqual(['bad-cookie'])
  })
})

/** A cookie reply for `index` that nobody made. */
function cookieReply(index: number): Uint8Array {
  const reply = new Uint8Array(64)
  reply[0] = COOKIE_REPLY
  new DataView(reply.buffer).setUint32(4, index, true)
  return reply
}
