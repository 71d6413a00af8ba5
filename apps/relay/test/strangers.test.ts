import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { nodeCrypto, nodeRandom } from '@sallyport/io-node'
import { add, type Instant, IpAddress, millis, SocketAddress, type WallClock } from '@sallyport/sans-io'
import { ALLOCATE, BINDING, encodeStun, longTermKey, type StunAttribute } from '@sallyport/stun'
import {
  REPLY_ALLOWANCE,
  REPLY_ALLOWANCE_BURST,
  REPLY_NEIGHBOURHOODS,
  relayPassword,
  TurnServer,
} from '@sallyport/turn-server'
import { expect, test } from 'vitest'

const crypto = nodeCrypto()
const start = 0 as Instant
const local = SocketAddress.of('203.0.113.101:3478')

test('a million sources leave nothing behind, get little more than they send, and lock nobody out', () => {
  const server = new TurnServer({
    addresses: { v4: local.ip },
    secret: 'secret',
    crypto,
    random: nodeRandom,
    calendar: { instant: start, wallClock: Date.UTC(2026, 0, 1) as WallClock },
  })
  const requests = [encode(BINDING, []), encode(ALLOCATE, [{ type: 'requested-transport', value: 17 }])]
  const address = new Uint8Array(4)
  const view = new DataView(address.buffer)
  const before = heapUsed()
  let sent = 0
  let received = 0
  let now = start
  for (let i = 0; i < 1_000_000; i++) {
    const payload = requests[i % 2]!
    view.setUint32(0, Math.imul(i, 0x9e3779b1)) // all different, from everywhere
    now = add(start, millis(i / 200)) // in five seconds
    const remote = new SocketAddress(IpAddress.fromBytes(address), 1 + (i & 0x7fff))
    server.handleInput({ local, remote, payload }, now)
    received += payload.length
    for (let each = server.pollTransmit(); each !== undefined; each = server.pollTransmit()) sent += each.payload.length
  }

  expect(sent - received).toBeLessThan(REPLY_NEIGHBOURHOODS * (REPLY_ALLOWANCE_BURST + 5 * REPLY_ALLOWANCE))
  expect(server.stats.withheldResponses).toBeGreaterThan(0)
  expect(heapUsed() - before).toBeLessThan(4_000_000) // not even four bytes for each
  expect([server.allocations, server.permissions, server.pollTimeout()]).toEqual([0, 0, undefined])

  // whoever names its user asks for no more than it gives: as Firezone's clients do
  const username = `4000000000:${'n'.repeat(43)}`
  const key = longTermKey(username, 'firezone', relayPassword({ expiry: '1', salt: '' }, 'any', crypto), crypto)
  const newcomer = encode(
    ALLOCATE,
    [
      { type: 'requested-transport', value: 17 },
      { type: 'username', value: username },
    ],
    key,
  )
  server.handleInput({ local, remote: SocketAddress.of('198.51.100.7:5000'), payload: newcomer }, now)
  expect(server.pollTransmit()).toBeDefined()
}, 60_000)

function encode(method: number, attributes: readonly StunAttribute[], key?: Uint8Array): Uint8Array {
  const transactionId = new Uint8Array(12)
  return encodeStun({ class: 'request', method, transactionId, attributes }, { crypto, ...(key && { key }) })
}

/** Bytes in use on the heap, without what is garbage. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
