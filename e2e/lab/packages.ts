import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isInUserNamespace } from './privilege.ts'

/** A Debian package, and a program by whose presence it is known. */
export interface SystemPackage {
  readonly name: string
  readonly program: string
}

/** What every lab needs. */
export const LAB_PACKAGES: readonly SystemPackage[] = [
  { name: 'iproute2', program: 'ip' },
  { name: 'nftables', program: 'nft' },
  { name: 'iperf3', program: 'iperf3' },
  { name: 'curl', program: 'curl' },
]

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/**
 * Makes sure that programs of the system are there: as root on Debian or Ubuntu installs what is missing and says so,
 * otherwise says what to install and exits 1.
 */
export function ensurePackages(packages: readonly SystemPackage[]): void {
  // An unprivileged user's PATH often lacks the sbin folders.
  process.env['PATH'] = [...new Set([...(process.env['PATH'] ?? '').split(':'), ...FOLDERS])].join(':')
  const missing = packages.filter(({ program }) => !isInstalled(program)).map(({ name }) => name)
  if (missing.length === 0) return
  const apt = ['apt-get', '/usr/bin/apt-get'].find(program => isInstalled(program) || existsSync(program))
  if (process.getuid?.() === 0 && apt !== undefined && !isInUserNamespace()) {
    console.error(`Installing ${missing.join(', ')} …`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...missing]
    const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] }
    if (spawnSync(apt, install, { ...quiet, stdio: 'ignore' }).status !== 0) {
      spawnSync(apt, ['update', '-qq'], quiet)
      spawnSync(apt, install, quiet)
    }
  }
  const absent = packages.filter(({ program }) => !isInstalled(program)).map(({ name }) => name)
  if (absent.length === 0) return
  console.error(
    `missing programs: install the packages ${absent.join(' ')} (apt-get install ${absent.join(' ')}) and try again`,
  )
  process.exit(1)
}

const isInstalled = (program: string): boolean => FOLDERS.some(folder => existsSync(`${folder}/${program}`))
