import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OperatorError } from '@sallyport/service'

/** Where a server listens: an address and a port. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** Parses `0.0.0.0:8080`, `[::]:8080` or `localhost:8080`. Throws an {@link OperatorError} on anything else. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text.trim())
  if (match === null || Number(match[3]) > 0xffff) {
    throw new OperatorError(`"${text}" is no address to listen on, such as 0.0.0.0:8080 or [::]:8080`, { exitCode: 2 })
  }
  return { host: match[1] ?? match[2]!, port: Number(match[3]) }
}

/** Starts to listen and returns the address, in which port 0 has become a real one. */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(new OperatorError(describe(error, host, port), { cause: error })))
    server.listen({ host, port }, resolve)
  })
  const address = server.address() as AddressInfo
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`
}

function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  if (error.code === 'EADDRINUSE') return `${where} is in use by another process`
  if (error.code === 'EACCES') return `no permission to listen on ${where}`
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return `${host} is no address of this machine`
  return `can't listen on ${where}: ${error.message}`
}
