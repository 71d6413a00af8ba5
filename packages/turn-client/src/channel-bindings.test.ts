import { add, type Instant, minutes, SocketAddress, seconds } from '@sallyport/sans-io'
import { describe, expect, test } from 'vitest'
import { ChannelBindings } from './channel-bindings.ts'

const now = 1_000 as Instant
const alice = SocketAddress.of('203.0.113.7:52625')
const bob = SocketAddress.of('203.0.113.8:52625')

describe('channel numbers', () => {
  test('the first number is 0x4000, and they ascend', () => {
    const channels = new ChannelBindings()

    expect([channels.assign(alice, now), channels.assign(bob, now)]).toEqual([0x4000, 0x4001])
  })

  test('all 4096 can be taken; then none until 15 minutes without activity, then 0x4000 again', () => {
    const channels = full()

    expect(channels.assign(alice, now)).toBeUndefined()
    expect(channels.assign(alice, add(now, seconds(601)))).toBeUndefined()
    expect(channels.assign(alice, add(now, seconds(899)))).toBeUndefined()
    expect(channels.assign(alice, add(now, minutes(15)))).toBe(0x4000)
    expect(channels.channelTo(peer(0), add(now, minutes(15)))).toBeUndefined()
  })

  test('a channel that was active and then expired can be reclaimed, 15 minutes after its last use', () => {
    const channels = full()
    for (let i = 0; i < 4096; i++) channels.noteReceived(0x4000 + i, add(now, minutes(9)))

    expect(channels.assign(alice, add(now, minutes(23)))).toBeUndefined()
    expect(channels.assign(alice, add(now, minutes(24)))).toBe(0x4000)
  })

  test('numbers never used are preferred to reusable ones', () => {
    const channels = new ChannelBindings()
    channels.assign(alice, now)

    expect(channels.assign(bob, add(now, minutes(20)))).toBe(0x4001)
  })

  test('after a number was dropped, assignment goes on behind the last one', () => {
    const channels = new ChannelBindings()
    channels.assign(alice, now)
    channels.drop(0x4000)

    expect(channels.assign(bob, now)).toBe(0x4001)
  })

  test('assignment wraps around to numbers that were dropped', () => {
    const channels = full()
    channels.drop(0x4007)

    expect(channels.assign(alice, now)).toBe(0x4007)
  })

  test('the same peer gets the same number again', () => {
    const channels = bound(alice)

    expect(channels.assign(alice, add(now, minutes(12)))).toBe(0x4000)
  })

  test('dropping a number that is not in use changes nothing', () => {
    const channels = bound(alice)
    channels.drop(0x4001)

    expect(channels.peerOf(0x4000)).toBe(alice)
  })
})

describe('a channel', () => {
  test('is used for sending before it is confirmed, but not for receiving', () => {
    const channels = new ChannelBindings()
    channels.assign(alice, now)

    expect(channels.channelTo(alice, now)).toBe(0x4000)
    expect(channels.peerOf(0x4000)).toBeUndefined()
    expect(channels.isBound(alice, now)).toBe(false)
  })

  test('is used both ways once it is confirmed', () => {
    const channels = bound(alice)

    expect(channels.channelTo(alice, now)).toBe(0x4000)
    expect(channels.peerOf(0x4000)).toBe(alice)
    expect(channels.isBound(alice, now)).toBe(true)
  })

  test('is not used for sending from 10 minutes on, until it is confirmed again', () => {
    const channels = bound(alice)
    const later = add(now, minutes(10))

    expect(channels.channelTo(alice, later)).toBeUndefined()
    channels.assign(alice, later)
    expect(channels.channelTo(alice, later)).toBeUndefined()
    channels.confirm(0x4000, later)
    expect(channels.channelTo(alice, later)).toBe(0x4000)
  })

  test('asked for again before it was confirmed, it is used for another 10 minutes', () => {
    const channels = new ChannelBindings()
    channels.assign(alice, now)
    channels.assign(alice, add(now, minutes(5)))

    expect(channels.channelTo(alice, add(now, minutes(11)))).toBe(0x4000)
  })

  test('is due for refresh only if it is 5 minutes old and has received something', () => {
    const channels = bound(alice)
    const fiveMinutes = add(now, minutes(5))

    expect(channels.dueForRefresh(fiveMinutes)).toEqual([])
    channels.noteReceived(0x4000, add(now, seconds(1)))
    expect(channels.dueForRefresh(add(now, seconds(299)))).toEqual([])
    expect(channels.dueForRefresh(fiveMinutes)).toMatchObject([{ number: 0x4000, peer: alice }])
  })

  test('has to receive something after each refresh to be refreshed again', () => {
    const channels = bound(alice)
    channels.noteReceived(0x4000, add(now, seconds(1)))
    channels.confirm(0x4000, add(now, minutes(5)))

    expect(channels.dueForRefresh(add(now, minutes(10)))).toEqual([])
  })

  test('cannot be confirmed unless it was asked for', () => {
    const channels = new ChannelBindings()

    expect(channels.confirm(0x4000, now)).toBe(false)
    expect(channels.confirm(0x3fff, now)).toBe(false)
    channels.noteReceived(0x4000, now)
    expect(channels.peerOf(0x4000)).toBeUndefined()
  })

  test('is forgotten with all others when the allocation is', () => {
    const channels = bound(alice)
    channels.clear()

    expect(channels.peerOf(0x4000)).toBeUndefined()
    expect(channels.channelTo(alice, now)).toBeUndefined()
    expect(channels.assign(bob, now)).toBe(0x4000)
  })
})

function bound(address: SocketAddress): ChannelBindings {
  const channels = new ChannelBindings()
  channels.confirm(channels.assign(address, now)!, now)
  return channels
}

function full(): ChannelBindings {
  const channels = new ChannelBindings()
  for (let i = 0; i < 4096; i++) channels.assign(peer(i), now)
  return channels
}

const peer = (i: number): SocketAddress => SocketAddress.of(`198.51.100.1:${10_000 + i}`)
