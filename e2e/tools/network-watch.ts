/**
 * Prints `ready`, and `changed` whenever this host reaches the world in another way than before.
 *
 * Usage: network-watch.ts [INDEX of an interface that doesn't count]
 */
import { watchNetwork } from '@sallyport/io-node'

const tunIndex = process.argv[2] === undefined ? undefined : Number(process.argv[2])
const quiet = (): void => {}
watchNetwork({
  tunIndex,
  onChange: () => console.log('changed'),
  logger: { debug: quiet, info: (_, message) => console.log(message), warn: quiet, error: quiet },
})
setInterval(() => {}, 60_000)
console.log('ready')
