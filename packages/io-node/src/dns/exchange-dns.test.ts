import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import {
  DomainName,
  encodeMessage,
  FLAG_TRUNCATED,
  makeQuery,
  makeResponse,
  type OneQuestion,
  parseMessage,
  parseQuery,
  RecordType,
  ResponseCode,
  responseCodeOf,
} from '@sallyport/dns-message'
import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import { afterEach, describe, expect, test } from 'vitest'
import { exchangeDns } from './exchange-dns.ts'

const QUERY = encodeMessage(makeQuery(7, DomainName.of('example.com'), RecordType.A))
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

describe('a query', () => {
  test('is answered by the first server that does', async () => {
    const silent = await serve(() => [])
    const broken = await serve(query => [respond(query, ResponseCode.SERVER_FAILURE)])
    const good = await serve(query => [respond(query, ResponseCode.NAME_ERROR)])

    expect(codeOf(await exchangeDns(QUERY, [silent, broken, good], { timeoutMs: 2500 }))).toBe(ResponseCode.NAME_ERROR)
  })

  test('takes no answer to another question, nor with another id', async () => {
    const server = await serve(query => [
      respond(parse(encodeMessage(makeQuery(7, DomainName.of('evil.com'), RecordType.A))), ResponseCode.NO_ERROR),
      respond(parse(encodeMessage(makeQuery(8, DomainName.of('example.com'), RecordType.A))), ResponseCode.NO_ERROR),
      Uint8Array.of(1, 2, 3),
      respond(query, ResponseCode.NAME_ERROR),
    ])
    expect(codeOf(await exchangeDns(QUERY, [server]))).toBe(ResponseCode.NAME_ERROR)
  })

  test('is asked again by TCP when the answer was cut', async () => {
    const server = await serve(query => {
      const bytes = respond(query, ResponseCode.NO_ERROR)
      bytes[2]! |= FLAG_TRUNCATED >> 8
      return [bytes]
    })
    expect(codeOf(await exchangeDns(QUERY, [server]))).toBe(ResponseCode.NO_ERROR) // cut is better than nothing
    const tcp = net.createServer(socket =>
      socket.once('data', (bytes: Buffer) => {
        const response = respond(parse(bytes.subarray(2)), ResponseCode.NAME_ERROR)
        socket.write(Uint8Array.of(0))
        socket.write(Uint8Array.of(response.length))
        socket.end(response)
      }),
    )
    tcp.listen(server.port, '127.0.0.1')
    await once(tcp, 'listening')
    cleanups.push(() => tcp.close())
    expect(codeOf(await exchangeDns(QUERY, [server]))).toBe(ResponseCode.NAME_ERROR)
  })

  test('that nobody answers ends: with what failed, or with nothing', async () => {
    const broken = await serve(query => [respond(query, ResponseCode.REFUSED)])
    const silent = await serve(() => [])
    expect(codeOf(await exchangeDns(QUERY, [broken, silent], { timeoutMs: 300 }))).toBe(ResponseCode.REFUSED)
    expect(await exchangeDns(QUERY, [silent], { timeoutMs: 100 })).toBeUndefined()
    const start = performance.now()
    expect(await exchangeDns(QUERY, [new SocketAddress(IpAddress.of('127.0.0.1'), 1)])).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(1000) // nobody listens there: that is told at once
    expect(await exchangeDns(Uint8Array.of(1), [silent])).toBeUndefined()
  })
})

/** Starts a server that answers each query with these datagrams. */
async function serve(answer: (query: OneQuestion) => readonly Uint8Array[]): Promise<SocketAddress> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  cleanups.push(() => socket.close())
  socket.on('message', (bytes, from) => {
    for (const datagram of answer(parse(bytes))) socket.send(datagram, from.port, from.address)
  })
  return new SocketAddress(IpAddress.of('127.0.0.1'), socket.address().port)
}

function parse(bytes: Uint8Array): OneQuestion {
  const query = parseQuery(bytes)
  if (typeof query === 'string') throw new Error(query)
  return query
}

const respond = (query: OneQuestion, code: (typeof ResponseCode)[keyof typeof ResponseCode]): Uint8Array =>
  encodeMessage(makeResponse(query, code))

function codeOf(bytes: Uint8Array | undefined): number | undefined {
  const message = bytes && parseMessage(bytes)
  return message === undefined || typeof message === 'string' ? undefined : responseCodeOf(message)
}
