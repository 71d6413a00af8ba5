import { spawnSync } from 'node:child_process'
import type { Logger } from '@sallyport/sans-io'
import { OperatorError, setSysctl } from '@sallyport/service'

/** Our nftables table. Everything in it is ours, nothing outside of it is. */
const TABLE = 'inet sallyport-gateway'

/** Returns the table's rules: what clients send through interface `tun` leaves under this machine's own addresses. */
export function masqueradeRules(tun: string): string {
  // Adding before deleting makes deleting harmless where there is nothing, in one transaction with what follows.
  return `add table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${tun}" accept
    ip saddr 100.64.0.0/11 masquerade
    ip6 saddr fd00:2021:1111::/107 masquerade
  }
}
`
}

/**
 * Forwards and masquerades what comes out of interface `tun`.
 *
 * A table that was left by a run that could not clean up is replaced. Throws an {@link OperatorError}.
 */
export function startMasquerading(tun: string, logger: Logger): void {
  for (const [name, value] of SYSCTLS) setSysctl(name, value, logger)
  const error = runNft(masqueradeRules(tun))
  if (error !== undefined) throw new OperatorError(`masquerading needs nftables: ${error}`)
}

/** Removes our table. Harmless where there is none, and where there is no nftables. */
export function stopMasquerading(): void {
  const listed = spawnSync('nft', ['list', 'table', ...TABLE.split(' ')], { stdio: 'ignore', timeout: NFT_TIMEOUT })
  if (listed.status === 0) runNft(`delete table ${TABLE}\n`)
}

const SYSCTLS = [
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv4/conf/all/src_valid_mark', '1'],
  ['net/ipv6/conf/all/disable_ipv6', '0'],
  ['net/ipv6/conf/all/forwarding', '1'],
  ['net/ipv6/conf/default/forwarding', '1'],
] as const

const NFT_TIMEOUT = 5000

/** Returns what went wrong, if anything did. */
function runNft(script: string): string | undefined {
  const { error, status, stderr } = spawnSync('nft', ['-f', '-'], {
    input: script,
    encoding: 'utf8',
    timeout: NFT_TIMEOUT,
  })
  if (error !== undefined)
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nft is not installed' : error.message
  return status === 0 ? undefined : stderr.trim()
}
