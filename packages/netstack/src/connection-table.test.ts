import { makeTcpPacket, PacketHeader } from '@sallyport/ip-packet'
import { SocketAddress } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { ConnectionTable } from './connection-table.ts'

const LOCALS = ['10.0.0.1:1', '10.0.0.1:2', '10.0.0.2:1', '[fd00::1]:1'].map(SocketAddress.of)
const REMOTES = ['10.0.0.3:1', '10.0.0.3:2', '10.0.0.4:1', '[fd00::2]:1', '[fd00::3]:1'].map(SocketAddress.of)

test('each pair of addresses leads to its own entry, by value and by packet', () => {
  const table = new ConnectionTable(7)
  const entries = LOCALS.flatMap(local =>
    REMOTES.filter(({ family }) => family === local.family).map(remote => ({ local, remote })),
  )
  for (const entry of entries) table.add(entry)

  expect(table.size).toBe(entries.length)
  for (const entry of entries) {
    expect(table.get(entry.local, entry.remote)).toBe(entry)
    expect(find(table, entry)).toBe(entry)
    table.delete(entry)
    table.delete(entry)
    expect(table.get(entry.local, entry.remote)).toBeUndefined()
    expect(find(table, entry)).toBeUndefined()
  }
  expect([...table]).toEqual([])
})

function find(table: ConnectionTable<Pair>, { local, remote }: Pair): unknown {
  const packet = makeTcpPacket({
    source: remote.ip,
    sourcePort: remote.port,
    destination: local.ip,
    destinationPort: local.port,
  })
  const header = new PacketHeader()
  header.parse(packet, 0, packet.length)
  return table.find(packet, header)
}

interface Pair {
  readonly local: SocketAddress
  readonly remote: SocketAddress
}
