// What we speak, against software that isn't ours; in network namespaces of this machine, nothing outside is touched.
// Usage: npm run interop [-- NAME… | --list | --quick]
import { WIREGUARD_PACKAGES } from '@sallyport/bench/peers/wireguard-go.ts'
import { ensurePackages } from '@sallyport/e2e/lab/packages.ts'
import { enterUserNamespace } from '@sallyport/e2e/lab/privilege.ts'
import { runScenarios, type Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { iceLibjuice, iceWerift } from './scenarios/ice.ts'
import { netstackKernel } from './scenarios/netstack-kernel.ts'
import { stunclient } from './scenarios/stunclient.ts'
import { turnChromium } from './scenarios/turn-chromium.ts'
import { turnClientCoturn } from './scenarios/turn-client-coturn.ts'
import { turnUclient } from './scenarios/turn-uclient.ts'
import { turnLibjuice, turnWerift } from './scenarios/turn-webrtc.ts'
import { wireguardGo, wireguardGoRekey } from './scenarios/wireguard-go.ts'
import { wireguardGoCookie } from './scenarios/wireguard-go-cookie.ts'

const SCENARIOS: readonly Scenario[] = [
  wireguardGo,
  netstackKernel,
  stunclient,
  turnClientCoturn,
  turnUclient,
  wireguardGoRekey,
  wireguardGoCookie,
  turnWerift,
  turnLibjuice,
  turnChromium,
  iceLibjuice,
  iceWerift,
]

const args = process.argv.slice(2)
if (!args.includes('--list')) {
  await enterUserNamespace()
  ensurePackages([...WIREGUARD_PACKAGES, { name: 'coturn', program: 'turnutils_stunclient' }])
}
await runScenarios(SCENARIOS, args)
