import { fromHex, utf8 } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CHANNEL_DATA_HEADER_LENGTH,
  channelDataNumber,
  channelDataPayloadLength,
  MAX_CHANNEL,
  MIN_CHANNEL,
  parseChannelData,
  writeChannelDataHeader,
} from './channel-data.ts'

const channelNumber = fc.integer({ min: MIN_CHANNEL, max: MAX_CHANNEL })

function frame(channel: number, payload: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(CHANNEL_DATA_HEADER_LENGTH + payload.length)
  datagram.set(payload, CHANNEL_DATA_HEADER_LENGTH)
  writeChannelDataHeader(datagram, 0, channel, payload.length)
  return datagram
}

describe('ChannelData', () => {
  test('"hello" on the first channel is 9 bytes', () => {
    expect(frame(0x4000, utf8('hello'))).toEqual(fromHex('40 00 00 05 68 65 6c 6c 6f'))
  })

  test('whatever is framed parses back to itself', () => {
    fc.assert(
      fc.property(channelNumber, fc.uint8Array({ maxLength: 1500 }), (channel, payload) => {
        expect(parseChannelData(frame(channel, payload))).toEqual({ channel, payload })
      }),
    )
  })

  test('every channel number survives, and so does the longest payload', () => {
    const longest = new Uint8Array(0xffff)
    for (let channel = MIN_CHANNEL; channel <= MAX_CHANNEL; channel++) {
      expect(parseChannelData(frame(channel, new Uint8Array(0)))).toEqual({ channel, payload: new Uint8Array(0) })
    }

    expect(parseChannelData(frame(MAX_CHANNEL, longest))).toEqual({ channel: MAX_CHANNEL, payload: longest })
  })

  test('padding behind the payload is left out', () => {
    expect(parseChannelData(fromHex('4001 0001 aa 000000'))).toEqual({ channel: 0x4001, payload: fromHex('aa') })
  })

  test.each([
    ['', 'truncated-header'],
    ['400000', 'truncated-header'],
    ['3fff0000', 'channel-out-of-range'],
    ['50000000', 'channel-out-of-range'],
    ['4000000201', 'truncated-payload'],
  ])('%s is no ChannelData: %s', (hex, defect) => {
    expect(parseChannelData(fromHex(hex))).toBe(defect)
  })

  test('the readers for the packet path agree with the parser', () => {
    const header = fc.tuple(fc.integer({ min: 0x3f, max: 0x51 }), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(header, fc.nat(8), ([first, rest], offset) => {
        const bytes = new Uint8Array(offset + 1 + rest.length)
        bytes[offset] = first
        bytes.set(rest, offset + 1)
        if (rest.length > 2) bytes[offset + 2] = 0 // a length field that has a chance to fit
        const length = bytes.length - offset

        const parsed = parseChannelData(bytes.subarray(offset))

        const payloadLength = channelDataPayloadLength(bytes, offset, length)
        if (typeof parsed === 'string') expect(payloadLength).toBe(-1)
        else {
          expect(payloadLength).toBe(parsed.payload.length)
          expect(channelDataNumber(bytes, offset)).toBe(parsed.channel)
        }
      }),
    )
  })

  test('parsing never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), bytes => void parseChannelData(bytes)))
  })
})
