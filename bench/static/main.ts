// One end of a static tunnel, in a process of its own: node bench/static/main.ts CONFIGURATION, as JSON.
import { runStaticTunnel, type StaticConfiguration } from './run-static-tunnel.ts'

const { tun, socket, description, stop } = await runStaticTunnel(
  JSON.parse(process.argv[2] ?? '') as StaticConfiguration,
)
console.log(`up: ${description}`)
process.once('SIGTERM', () => {
  console.log(JSON.stringify({ tun: tun.statistics, udp: socket.statistics, cpu: process.cpuUsage() }))
  stop()
  process.exit(0)
})
