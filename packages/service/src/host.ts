import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import type { PeerVersion } from '@sallyport/portal-protocol'
import type { Logger } from '@sallyport/sans-io'

/** Returns what the portal is told about this machine and the program's `version`. */
export function hostVersion(version: string, osRelease: string = readOr('/etc/os-release', '')): PeerVersion {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}=["']?([^"'\\n]+)`, 'm').exec(osRelease)?.[1]?.trim()
  return {
    osName: field('NAME') ?? os.type(),
    osVersion: field('VERSION_ID'),
    version,
    arch: { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch,
    kernel: os.release(),
  }
}

/** Returns whether this process may set up network devices: it runs as root or has CAP_NET_ADMIN. Linux only. */
export function mayAdministrateNetwork(status: string = readOr('/proc/self/status', '')): boolean {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return process.getuid?.() === 0 || ((BigInt(`0x${capabilities ?? '0'}`) >> CAP_NET_ADMIN) & 1n) === 1n
}

const CAP_NET_ADMIN = 12n

/** Lets sockets have large buffers: what arrives while we are busy waits in them. Failing at it is no disaster. */
export function raiseSocketBuffers(logger: Logger): void {
  setSysctl('net/core/rmem_max', '134217728', logger)
  setSysctl('net/core/wmem_max', '16777216', logger)
}

/** Sets a kernel parameter, named as its path below `/proc/sys`. Returns whether the kernel took it. */
export function setSysctl(name: string, value: string, logger: Logger): boolean {
  const path = `/proc/sys/${name}`
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value)
    return true
  } catch (error) {
    logger.info({ path, value, error: (error as Error).message }, 'kernel parameter can not be set')
    return false
  }
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}
