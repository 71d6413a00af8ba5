import dgram from 'node:dgram'
import { once } from 'node:events'
import {
  FLAG_TRUNCATED,
  isResponseTo,
  type OneQuestion,
  parseQuery,
  parseResponse,
  ResponseCode,
  responseCodeOf,
} from '@sallyport/dns-message'
import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import { libc } from '../native/libc.ts'
import { openDescriptor } from '../udp/open-descriptor.ts'
import { connectTcp } from '../websocket/tcp-connect.ts'

/** How a query is put to servers. */
export interface DnsExchangeOptions {
  /** The firewall mark of what is sent, which keeps it out of our own tunnel. */
  readonly mark?: number
  /** How long all of it may take, in milliseconds; 5000 if left out. */
  readonly timeoutMs?: number
}

/**
 * Puts a DNS query to servers, one after the other, until one has an answer.
 *
 * By UDP first; what was cut to fit is asked for again by TCP. A server that doesn't answer in its share of the time, or
 * says that it failed, leaves the question to the next.
 *
 * @returns the response's bytes: that of the first server that had one, be it a failure; `undefined` if none has answered.
 * Never rejects.
 */
export async function exchangeDns(
  message: Uint8Array,
  servers: readonly SocketAddress[],
  { mark, timeoutMs = 5000 }: DnsExchangeOptions = {},
): Promise<Uint8Array | undefined> {
  const query = parseQuery(message)
  if (typeof query === 'string') return undefined
  const deadline = performance.now() + timeoutMs
  let failure: Uint8Array | undefined
  for (const [i, server] of servers.entries()) {
    const left = deadline - performance.now()
    const share = i === servers.length - 1 ? left : Math.max(left / 2, Math.min(left, SHORTEST_SHARE))
    if (share <= 0) break
    const limit = AbortSignal.timeout(Math.ceil(share))
    const response = await askOne({ message, query, server, mark, limit }).catch(() => undefined)
    if (response === undefined) continue
    if (!isFailure(response)) return response
    failure ??= response
  }
  return failure
}

/** One server that is asked. */
interface Attempt {
  readonly message: Uint8Array
  readonly query: OneQuestion
  readonly server: SocketAddress
  readonly mark: number | undefined
  readonly limit: AbortSignal
}

async function askOne(attempt: Attempt): Promise<Uint8Array> {
  const response = await askByUdp(attempt)
  const isCut = (((response[2]! << 8) | response[3]!) & FLAG_TRUNCATED) !== 0
  return isCut ? await askByTcp(attempt).catch(() => response) : response
}

async function askByUdp({ limit, mark, message, query, server }: Attempt): Promise<Uint8Array> {
  const socket = dgram.createSocket(server.family === 4 ? 'udp4' : 'udp6')
  try {
    const { promise, reject, resolve } = Promise.withResolvers<Uint8Array>()
    limit.addEventListener('abort', () => reject(limit.reason), { once: true })
    socket.on('error', reject)
    socket.on('message', (payload, from) => {
      const ip = IpAddress.parse(from.address.replace(/%.*$/, ''))
      const isFromServer = ip !== undefined && new SocketAddress(ip, from.port).equals(server)
      if (isFromServer && answers(query, payload)) resolve(new Uint8Array(payload)) // else somebody guesses: wait on
    })
    const c = mark === undefined || process.platform !== 'linux' ? undefined : libc()
    if (c !== undefined) {
      const listening = once(socket, 'listening')
      socket.bind({ fd: openDescriptor(c, { family: server.family, mark: mark! }).fd })
      await listening
    }
    await new Promise<void>((done, fail) => {
      socket.connect(server.port, server.ip.text, () => done()) // so that an ICMP error fails it at once
      socket.once('error', fail)
    })
    socket.send(message, error => {
      if (error !== null) reject(error)
    })
    return await promise
  } finally {
    socket.close()
  }
}

async function askByTcp({ limit, mark, message, query, server }: Attempt): Promise<Uint8Array> {
  const socket = await connectTcp({ addresses: [server.ip], port: server.port, mark }, limit)
  try {
    const { promise, reject, resolve } = Promise.withResolvers<Uint8Array>()
    limit.addEventListener('abort', () => reject(limit.reason), { once: true })
    let received: Uint8Array = new Uint8Array(0)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed before it has answered')))
    socket.on('data', (bytes: Uint8Array) => {
      received = Buffer.concat([received, bytes])
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : (received[0]! << 8) | received[1]!
      if (received.length < 2 + length) return
      const response = new Uint8Array(received.subarray(2, 2 + length))
      if (answers(query, response)) resolve(response)
      else reject(new Error('an answer to another question'))
    })
    socket.write(Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 0xff), message]))
    return await promise
  } finally {
    socket.destroy()
  }
}

/** How long a server has at least, if that much time is left, in milliseconds. */
const SHORTEST_SHARE = 1000

function answers(query: OneQuestion, bytes: Uint8Array): boolean {
  const response = parseResponse(bytes)
  return typeof response !== 'string' && isResponseTo(query, response)
}

function isFailure(bytes: Uint8Array): boolean {
  const response = parseResponse(bytes)
  if (typeof response === 'string') return true
  const code = responseCodeOf(response.message)
  return code === ResponseCode.SERVER_FAILURE || code === ResponseCode.REFUSED
}
