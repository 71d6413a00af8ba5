import { toHex } from '@sallyport/sans-io'
import {
  channelDataNumber,
  channelDataPayloadLength,
  encodeStun,
  parseChannelData,
  parseStun,
  type StunAttribute,
  type StunMessage,
  shortTermKey,
  verifyFingerprint,
  verifyIntegrity,
} from '@sallyport/stun'
import { fastCrypto as crypto } from '@sallyport/testkit'
import { resign } from '../resign.ts'
import { demand, type FuzzTarget } from '../target.ts'

const KEY = shortTermKey('password')

/** STUN and ChannelData: parsing never throws, ignores no integrity, and what was read can be written and read again. */
export const stun: FuzzTarget = {
  seeds: () => [Uint8Array.of(0x40, 0, 0, 4, 1, 2, 3, 4)],
  repair: bytes => resign(bytes, KEY, crypto),
  run(inputs) {
    for (const bytes of inputs) {
      const before = toHex(bytes)
      const message = parseStun(bytes)
      if (typeof message !== 'string') {
        verifyIntegrity(message, KEY, crypto)
        verifyFingerprint(message, crypto)
        const { class: type, method, transactionId } = message
        const attributes = contentOf(message)
        const again = parseStun(encodeStun({ class: type, method, transactionId, attributes }, { crypto, key: KEY }))
        demand(typeof again !== 'string', `what was read can't be read again: ${again}`)
        demand(shown(contentOf(again)) === shown(attributes), 'what was read reads otherwise once it was written')
        demand(verifyIntegrity(again, KEY, crypto), 'what we have signed is not authentic')
      }
      const data = parseChannelData(bytes)
      if (typeof data !== 'string') {
        demand(channelDataNumber(bytes, 0) === data.channel, 'the reader of the packet path sees another channel')
        const length = channelDataPayloadLength(bytes, 0, bytes.length)
        demand(length === data.payload.length, 'the reader of the packet path sees another payload')
      }
      demand(toHex(bytes) === before, 'parsing has changed its input')
    }
  },
}

/** The attributes that say something, without those that protect it. */
const contentOf = ({ attributes }: StunMessage): StunAttribute[] =>
  attributes.filter(({ type }) => type !== 'message-integrity' && type !== 'fingerprint')

const shown = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    each instanceof Uint8Array ? toHex(each) : typeof each === 'bigint' ? `${each}` : each,
  )
