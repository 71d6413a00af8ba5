// Somebody who needs a relay now: node bench/relay/newcomer.ts CONFIGURATION, as JSON. Prints how many milliseconds it
// took to get an allocation with a channel.
import { nodeCrypto } from '@sallyport/io-node'
import { openRoutes, type TurnUser } from './routes.ts'

const { user, server, peer } = JSON.parse(process.argv[2] ?? '') as { user: TurnUser; server: string; peer: string }
const start = performance.now()
const routes = await openRoutes({ user, server, peer, allocations: 1 }, nodeCrypto({ cipher: 'node' }))
console.log((performance.now() - start).toFixed(1))
await routes.close()
process.exit(0)
