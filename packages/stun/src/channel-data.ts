import { viewOf } from '@sallyport/sans-io'

/** Bytes in front of a ChannelData message's payload (RFC 8656 §12.4). */
export const CHANNEL_DATA_HEADER_LENGTH = 4
/** The lowest channel number (RFC 8656 §12). */
export const MIN_CHANNEL = 0x4000
/** The highest channel number (RFC 8656 §12). RFC 5766 had 0x7fff. */
export const MAX_CHANNEL = 0x4fff

/** A ChannelData message. */
export interface ChannelData {
  /** From {@link MIN_CHANNEL} to {@link MAX_CHANNEL}. */
  readonly channel: number
  /** A view into the datagram. */
  readonly payload: Uint8Array
}

/** Why bytes are no ChannelData message. */
export type ChannelDataDefect = 'truncated-header' | 'channel-out-of-range' | 'truncated-payload'

/** Returns whether `number` is an integer from {@link MIN_CHANNEL} to {@link MAX_CHANNEL}. */
export function isChannelNumber(number: number): boolean {
  return Number.isInteger(number) && number >= MIN_CHANNEL && number <= MAX_CHANNEL
}

/**
 * Parses a ChannelData message (RFC 8656 §12.4). Bytes behind the payload are padding and left out.
 *
 * @param datagram - One whole UDP datagram. Borrowed: the result's `payload` is a view into it.
 * @returns the message, or the first defect found. Never throws: these bytes come from strangers.
 */
export function parseChannelData(datagram: Uint8Array): ChannelData | ChannelDataDefect {
  if (datagram.length < CHANNEL_DATA_HEADER_LENGTH) return 'truncated-header'
  const view = viewOf(datagram)
  const channel = view.getUint16(0)
  if (channel < MIN_CHANNEL || channel > MAX_CHANNEL) return 'channel-out-of-range'
  const end = CHANNEL_DATA_HEADER_LENGTH + view.getUint16(2)
  if (datagram.length < end) return 'truncated-payload'
  return { channel, payload: datagram.subarray(CHANNEL_DATA_HEADER_LENGTH, end) }
}

/**
 * Returns how many bytes of payload the ChannelData message in `bytes[offset, offset + length)` declares, or -1 if it
 * is none. Allocates nothing: for the packet path.
 *
 * The answer is at most `length - 4`; where it is less, the rest is padding.
 */
export function channelDataPayloadLength(bytes: Uint8Array, offset: number, length: number): number {
  if (length < CHANNEL_DATA_HEADER_LENGTH) return -1
  const first = bytes[offset]!
  if (first < 0x40 || first > 0x4f) return -1
  const payloadLength = (bytes[offset + 2]! << 8) | bytes[offset + 3]!
  return payloadLength <= length - CHANNEL_DATA_HEADER_LENGTH ? payloadLength : -1
}

/** Returns the channel number at `offset`, where {@link channelDataPayloadLength} has found a ChannelData message. */
export function channelDataNumber(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!
}

/**
 * Writes the header of a ChannelData message at `offset` of `out`, in front of a payload of `length` bytes.
 *
 * `channel` is from {@link MIN_CHANNEL} to {@link MAX_CHANNEL}; `length` at most 65535. Neither is checked.
 */
export function writeChannelDataHeader(out: Uint8Array, offset: number, channel: number, length: number): void {
  out[offset] = channel >> 8
  out[offset + 1] = channel & 0xff
  out[offset + 2] = length >> 8
  out[offset + 3] = length & 0xff
}
