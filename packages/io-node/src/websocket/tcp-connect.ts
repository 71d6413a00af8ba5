import net from 'node:net'
import type { IpAddress } from '@sallyport/sans-io'
import { libc } from '../native/libc.ts'
import { NativeMemory } from '../native/memory.ts'
import { afOf } from '../udp/sockaddr.ts'

/** Where to connect to by TCP, and how. */
export interface TcpTarget {
  /** Tried one after the other. */
  readonly addresses: readonly IpAddress[]
  readonly port: number
  /** The firewall mark of what the connection sends (`SO_MARK`), which keeps it out of our own tunnel. Linux only. */
  readonly mark?: number | undefined
}

/** How long all attempts together may take, in milliseconds. */
const TCP_TIMEOUT = 5000

/** Connects to the first address that answers. Rejects with the last error, or when it takes longer than 5 s. */
export async function connectTcp(target: TcpTarget, signal: AbortSignal): Promise<net.Socket> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TCP_TIMEOUT)])
  let last: unknown = new Error('no address to connect to')
  for (const address of target.addresses) {
    try {
      return await connectOne(openSocket(address, target.mark), address, target.port, limit)
    } catch (error) {
      last = error
      if (limit.aborted) break
    }
  }
  if (limit.aborted && !signal.aborted) throw new Error('timed out while connecting by TCP', { cause: last })
  throw last
}

function connectOne(socket: net.Socket, address: IpAddress, port: number, limit: AbortSignal): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      limit.removeEventListener('abort', abort)
      socket.destroy()
      reject(error)
    }
    const abort = (): void => fail(limit.reason)
    if (limit.aborted) {
      fail(limit.reason)
      return
    }
    limit.addEventListener('abort', abort)
    socket.once('error', fail)
    socket.setNoDelay(true)
    socket.connect({ host: address.text, port }, () => {
      limit.removeEventListener('abort', abort)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Returns a socket that isn't connected yet. Without native code it has no mark. */
function openSocket(address: IpAddress, mark: number | undefined): net.Socket {
  const c = mark === undefined || process.platform !== 'linux' ? undefined : libc()
  if (c === undefined) return new net.Socket()
  const fd = c.socket(afOf(address.family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw new Error(`no socket for IPv${address.family}`)
  const value = new NativeMemory(4)
  value.view.setInt32(0, mark!, true)
  if (c.setsockopt(fd, SOL_SOCKET, SO_MARK, value.address, 4) !== 0) {
    c.close(fd)
    throw new Error('the system refuses a firewall mark (it takes CAP_NET_ADMIN)')
  }
  const options: MarkedSocketOptions = { fd, manualStart: true, readable: true, writable: true }
  return new net.Socket(options)
}

/** Reading must not start before the connection stands: a socket that isn't connected reads as closed. */
interface MarkedSocketOptions extends net.SocketConstructorOpts {
  readonly manualStart: boolean
}

const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_MARK = 36
