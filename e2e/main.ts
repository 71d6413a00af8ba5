/**
 * Scenarios with the real apps, on real TUN devices, behind real NATs.
 *
 * Usage: npm run e2e [-- NAME…|--list|--quick|--keep-logs]
 */
import { ensurePackages, LAB_PACKAGES } from './lab/packages.ts'
import { enterUserNamespace } from './lab/privilege.ts'
import { runScenarios } from './lab/scenario.ts'
import { chaos } from './scenarios/chaos.ts'
import { host } from './scenarios/host.ts'
import { lifecycle } from './scenarios/lifecycle.ts'
import { names } from './scenarios/names.ts'
import { networkWatch } from './scenarios/network-watch.ts'
import { outages } from './scenarios/outages.ts'
import { paths } from './scenarios/paths.ts'
import { policy } from './scenarios/policy.ts'
import { roaming } from './scenarios/roaming.ts'

const args = process.argv.slice(2)
if (!args.includes('--list')) {
  ensurePackages(LAB_PACKAGES)
  await enterUserNamespace()
}
await runScenarios(
  [...paths, ...lifecycle, ...policy, ...names, ...host, ...networkWatch, ...roaming, ...outages, ...chaos],
  args,
)
