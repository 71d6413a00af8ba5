import { makeUdpPacket } from '@sallyport/ip-packet'
import { IpAddress, toHex } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { UniquePackets } from './unique-packets.ts'

test('packets stay as they are while they wait, also when the Buffer that they were read into is used again', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const packet = makeUdpPacket({
    source: IpAddress.of('100.64.0.1'),
    destination: IpAddress.of('100.64.0.2'),
    sourcePort: 1,
    destinationPort: 2,
    payload: Uint8Array.of(7),
  })
  const reused = Buffer.from(packet)
  const packets = new UniquePackets(4)
  packets.push(reused, 0, reused.length)
  reused.fill(0)

  expect(packets.takeAll().map(toHex)).toEqual([toHex(packet)])
})
