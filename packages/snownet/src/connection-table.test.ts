import { expect, test } from 'vitest'
import type { Connection } from './connection.ts'
import { ConnectionTable } from './connection-table.ts'
import type { ConnectionId } from './ids.ts'

/** As much of a connection as the table looks at. */
const connection = (handle: number, ufrag = 'same'): Connection =>
  ({
    id: `connection ${handle}` as ConnectionId,
    handle,
    index: handle + 1000,
    options: {
      peerPublicKey: new Uint8Array(32).fill(handle),
      localCredentials: { ufrag, password: '' },
    },
  }) as unknown as Connection

test('a connection is found by all of its names, and by none once it is gone', () => {
  const table = new ConnectionTable()
  const [a, b] = [connection(table.newHandle()), connection(table.newHandle())]
  for (const each of [a, b]) table.add(each)

  expect(table.get(a.id)).toBe(a)
  expect(table.at(a.handle)).toBe(a)
  expect(table.withIndex(a.index)).toBe(a)
  expect(table.withPublicKey(a.options.peerPublicKey)).toBe(a)
  expect([...table.withUfrag('same')]).toEqual([a, b])

  table.remove(a)
  expect([table.get(a.id), table.at(a.handle), table.withIndex(a.index)]).toEqual([undefined, undefined, undefined])
  expect(table.withPublicKey(a.options.peerPublicKey)).toBeUndefined()
  expect([...table.withUfrag('same')]).toEqual([b])
  table.remove(b)
  expect([...table.withUfrag('same')]).toEqual([])
  expect(table.size).toBe(0)
})

test('of two connections with one key the later one is found, also when the earlier one goes', () => {
  const table = new ConnectionTable()
  const [a, b] = [connection(table.newHandle()), connection(table.newHandle())]
  b.options.peerPublicKey.set(a.options.peerPublicKey)
  for (const each of [a, b]) table.add(each)

  table.remove(a)

  expect(table.withPublicKey(a.options.peerPublicKey)).toBe(b)
})

test('a number rests while a thousand others are used, so that nobody is taken for somebody else', () => {
  const table = new ConnectionTable()
  const handles = Array.from({ length: 1026 }, () => {
    const each = connection(table.newHandle())
    table.add(each)
    table.remove(each)
    return each.handle
  })

  expect(new Set(handles.slice(0, 1025)).size).toBe(1025)
  expect(handles[1025]).toBe(handles[0])
})
