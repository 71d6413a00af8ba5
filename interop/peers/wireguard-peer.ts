// Our end of a WireGuard tunnel, in a process of its own: node interop/peers/wireguard-peer.ts CONFIGURATION [RATE]
// CONFIGURATION is JSON; RATE is how many times faster than the world's its clock goes. Prints `up`, then what happens.
import { runStaticTunnel, type StaticConfiguration } from '@sallyport/bench/static/run-static-tunnel.ts'
import { monotonicNow } from '@sallyport/io-node'
import { unreachable } from '@sallyport/sans-io'
import { TimeLapse } from './time-lapse.ts'

const configuration = JSON.parse(process.argv[2] ?? '') as StaticConfiguration
const rate = Number(process.argv[3] ?? '1')

const { description } = await runStaticTunnel(configuration, {
  wrap: machine => (rate === 1 ? machine : new TimeLapse(machine, rate, monotonicNow())),
  onEvent(event) {
    switch (event.type) {
      case 'established':
        return console.log(`established as ${event.role}`)
      case 'expired':
        return console.log('expired')
      default:
        return unreachable(event)
    }
  },
})
console.log(`up: ${description}`)
