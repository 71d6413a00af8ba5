import { lookup } from 'node:dns/promises'
import { IpAddress } from '@sallyport/sans-io'

/**
 * Returns the addresses of a host, as the operating system resolves them; an address stands for itself.
 *
 * To be called before the tunnel takes over the system's DNS. Rejects where there is none.
 */
export async function resolveHost(hostname: string): Promise<readonly IpAddress[]> {
  const literal = IpAddress.parse(hostname)
  if (literal !== undefined) return [literal]
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => IpAddress.parse(address)).filter(address => address !== undefined)
}
