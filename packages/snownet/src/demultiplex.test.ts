import { fromHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CHANNEL_DATA, classify, NOT_OURS, STUN, WIREGUARD_DATA, WIREGUARD_HANDSHAKE } from './demultiplex.ts'

const zeros = (length: number): string => '00'.repeat(length)

describe('classify', () => {
  test.each([
    ['a binding request', `00010000 2112a442 ${zeros(12)}`, STUN],
    ['a binding success', `01010000 2112a442 ${zeros(12)}`, STUN],
    ['an allocate error', `01130000 2112a442 ${zeros(12)}`, STUN],
    ['a truncated STUN header', '00010000 2112a442', NOT_OURS],
    ['a STUN type without the magic cookie', `00010000 2112a443 ${zeros(12)}`, NOT_OURS],
    ['the lowest channel', '40000000', CHANNEL_DATA],
    ['the highest channel', '4fff0001 00', CHANNEL_DATA],
    ['what lies between ChannelData and nothing', '50000000', NOT_OURS],
    ['three bytes', '400000', NOT_OURS],
    ['an initiation', `01000000 ${zeros(144)}`, WIREGUARD_HANDSHAKE],
    ['a response', `02000000 ${zeros(88)}`, WIREGUARD_HANDSHAKE],
    ['a cookie reply', `03000000 ${zeros(60)}`, WIREGUARD_HANDSHAKE],
    ['an initiation that is one byte longer', `01000000 ${zeros(145)}`, NOT_OURS],
    ['a keepalive', `04000000 ${zeros(28)}`, WIREGUARD_DATA],
    ['data that is shorter than a keepalive', `04000000 ${zeros(27)}`, NOT_OURS],
    ['data with a reserved byte set', `04000100 ${zeros(28)}`, NOT_OURS],
    ['a handshake with a reserved byte set', `01000001 ${zeros(144)}`, NOT_OURS],
    ['DTLS', '16fefd00 00000000', NOT_OURS],
    ['nothing', '', NOT_OURS],
  ])('%s', (_, hex, kind) => {
    const bytes = fromHex(hex)
    expect(classify(bytes, 0, bytes.length)).toBe(kind)
  })

  test('an initiation whose sender index is the magic cookie is still an initiation', () => {
    const bytes = fromHex(`01000000 2112a442 ${zeros(140)}`)
    expect(classify(bytes, 0, bytes.length)).toBe(WIREGUARD_HANDSHAKE)
  })

  test('the answer depends on nothing outside of the datagram', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 200 }), fc.uint8Array(), (before, datagram, after) => {
        const surrounded = new Uint8Array([...before, ...datagram, ...after])
        expect(classify(surrounded, before.length, datagram.length)).toBe(classify(datagram, 0, datagram.length))
      }),
    )
  })
})
