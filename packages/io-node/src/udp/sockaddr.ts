import type { IpAddress, IpFamily } from '@sallyport/sans-io'
import type { NativeMemory } from '../native/memory.ts'

/** IPv4 as the kernel numbers address families. */
const AF_INET = 2
/** IPv6 as the kernel numbers address families. */
const AF_INET6 = 10

/** Bytes of the longest socket address. */
export const SOCKADDR_LENGTH = 28

/** Returns how many bytes a `sockaddr_in` or `sockaddr_in6` has. */
export const sockaddrLength = (family: IpFamily): number => (family === 4 ? 16 : 28)

/** Returns the kernel's number of a family. */
export const afOf = (family: IpFamily): number => (family === 4 ? AF_INET : AF_INET6)

/** Writes a `sockaddr` at `at`. Its scope is zero: link-local addresses of IPv6 are out of reach. */
export function writeSockaddr(memory: NativeMemory, at: number, ip: IpAddress, port: number): void {
  const { bytes, view } = memory
  view.setUint16(at, afOf(ip.family), true)
  view.setUint16(at + 2, port)
  if (ip.family === 4) {
    bytes[at + 4] = ip.bytes[0]!
    bytes[at + 5] = ip.bytes[1]!
    bytes[at + 6] = ip.bytes[2]!
    bytes[at + 7] = ip.bytes[3]!
  } else {
    view.setUint32(at + 4, 0)
    bytes.set(ip.bytes, at + 8)
    view.setUint32(at + 24, 0)
  }
}
