import { IpAddress } from '@sallyport/sans-io'
import { DomainName } from './domain-name.ts'

/** Returns the name under which the name of an address is asked for (RFC 1035 §3.5, RFC 3596 §2.5). */
export function reverseName(address: IpAddress): DomainName {
  if (address.family === 4) return DomainName.of(`${[...address.bytes].reverse().join('.')}.in-addr.arpa`)
  const nibbles = [...address.bytes].flatMap(byte => [byte >> 4, byte & 15]).reverse()
  return DomainName.of(`${nibbles.map(nibble => nibble.toString(16)).join('.')}.ip6.arpa`)
}

/** Returns the address whose name is asked for under `name`; `undefined` if it is no whole reverse name. */
export function parseReverseName(name: DomainName): IpAddress | undefined {
  const labels = name.key.split('.')
  const [family, top] = labels.splice(-2)
  if (top !== 'arpa') return undefined
  labels.reverse()
  if (family === 'in-addr') return labels.length === 4 ? IpAddress.parse(labels.join('.')) : undefined
  if (family !== 'ip6' || labels.length !== 32 || !labels.every(label => /^[0-9a-f]$/.test(label))) return undefined
  return IpAddress.parse(labels.join('').replace(/.{4}(?=.)/g, '$&:'))
}
