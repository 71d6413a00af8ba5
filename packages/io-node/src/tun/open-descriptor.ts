import { mkdirSync } from 'node:fs'
import { EACCES, EBUSY, ENODEV, ENOENT, EPERM, errnoName } from '../native/errno.ts'
import type { Libc } from '../native/libc.ts'
import { nativeLibrary } from '../native/library.ts'
import { NativeMemory } from '../native/memory.ts'
import { TunError, TunNodeError } from './tun-error.ts'

/** An open TUN device. */
export interface TunDescriptor {
  readonly fd: number
  readonly name: string
  readonly index: number
}

/** Opens the device `name` with these interface and open flags. Throws a {@link TunError}. */
export function openTunDescriptor(c: Libc, name: string, interfaceFlags: number, openFlags: number): TunDescriptor {
  const bytes = encodeName(name)
  let fd = c.open(TUN_PATH, O_RDWR | O_CLOEXEC | openFlags)
  if (fd < 0 && c.errno() === ENOENT && makeNode()) fd = c.open(TUN_PATH, O_RDWR | O_CLOEXEC | openFlags)
  if (fd < 0) throw openError(c.errno())
  const request = new NativeMemory(40) // struct ifreq
  request.bytes.set(bytes)
  request.view.setUint16(16, IFF_TUN | IFF_NO_PI | interfaceFlags, true)
  if (c.ioctl(fd, TUNSETIFF, request.address) < 0) {
    const failed = c.errno()
    c.close(fd)
    throw attachError(name, failed)
  }
  const end = request.bytes.indexOf(0)
  const actual = new TextDecoder().decode(request.bytes.subarray(0, end))
  return { fd, name: actual, index: indexOf(actual) }
}

/** Returns a name as the kernel takes it. Throws a {@link TunError} if it takes no such name. */
export function encodeName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  if (bytes.length === 0 || bytes.length > 15) throw new TunError('TUN_FAILED', `not a name for a device: ${name}`)
  return bytes
}

/** Tells that somebody else has the device `name`. */
export const busyError = (name: string): TunError =>
  new TunError('TUN_BUSY', `another process holds the device ${name}`)

/** Returns the number of an interface. Throws a {@link TunError} if there is none of that name. */
function indexOf(name: string): number {
  const index = nativeLibrary()!.bind('uint if_nametoindex(str)')!(name)
  if (index === 0) throw new TunError('TUN_FAILED', `no interface ${name}`)
  return index
}

/** Makes the device node as the kernel's documentation says. Returns whether that went well. */
function makeNode(): boolean {
  try {
    mkdirSync('/dev/net', { recursive: true, mode: 0o751 })
  } catch {
    return false
  }
  const mknod = nativeLibrary()!.bind('int mknod(str, uint, ulong)')
  return mknod?.(TUN_PATH, S_IFCHR | 0o666, TUN_DEVICE) === 0
}

function openError(errno: number): TunError {
  if (errno === ENOENT || errno === ENODEV)
    return new TunNodeError(
      'TUN_NO_DEVICE',
      `there is no ${TUN_PATH} (${errnoName(errno)}): load the kernel module "tun"`,
    )
  if (errno === EACCES || errno === EPERM)
    return new TunNodeError(
      'TUN_NOT_PERMITTED',
      `not permitted to open ${TUN_PATH} (${errnoName(errno)}): give it mode 0666`,
    )
  return new TunError('TUN_FAILED', `can't open ${TUN_PATH}: ${errnoName(errno)}`)
}

function attachError(name: string, errno: number): TunError {
  if (errno === EPERM)
    return new TunError('TUN_NOT_PERMITTED', `not permitted to create the device ${name}: it takes CAP_NET_ADMIN`)
  if (errno === EBUSY) return busyError(name)
  return new TunError('TUN_FAILED', `can't create the device ${name}: ${errnoName(errno)}`)
}

const TUN_PATH = '/dev/net/tun'
const O_RDWR = 2
/** Open flag: reads and writes never block. */
export const O_NONBLOCK = 0o4000
const O_CLOEXEC = 0o2000000
const S_IFCHR = 0o020000
/** Character device 10:200. */
const TUN_DEVICE = (10 << 8) | 200

const TUNSETIFF = 0x400454ca
const IFF_TUN = 1
const IFF_NO_PI = 0x1000
/** Interface flag: a virtio network header in front of each packet. */
export const IFF_VNET_HDR = 0x4000
