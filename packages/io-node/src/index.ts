/**
 * Sallyport machines on Node.js: what touches the machine it runs on.
 *
 * @packageDocumentation
 */
export { calendarNow, monotonicNow, wallClock } from './clock.ts'
export { type NodeCryptoOptions, nodeCrypto } from './crypto/node-crypto.ts'
export type { CipherName } from './crypto/pick-cipher.ts'
export { type DnsExchangeOptions, exchangeDns } from './dns/exchange-dns.ts'
export { wasmChecksum } from './kernel/checksum-kernel.ts'
export { createArena } from './kernel/kernel.ts'
export { Later } from './native/later.ts'
export { NetlinkError } from './net/netlink.ts'
export { OWN_MARK, TUNNEL_TABLE } from './net/route.ts'
export { type TunConfiguration, TunNetwork } from './net/tun-network.ts'
export { type NetworkWatch, type WatchNetworkOptions, watchNetwork } from './net/watch-network.ts'
export { nodeRandom } from './random.ts'
export { driveOnNode, type NodeOutside } from './run/drive-on-node.ts'
export { createPacketMemory, type PacketMemory } from './run/packet-memory.ts'
export { type DataPlaneParts, type RunningDataPlane, runDataPlane } from './run/run-data-plane.ts'
export { openTun } from './tun/open-tun.ts'
export { TUN_HEADROOM, type TunDevice, type TunOptions, type TunStatistics } from './tun/tun-device.ts'
export { TunError, type TunErrorCode } from './tun/tun-error.ts'
export { type OpenUdpOptions, openUdp, openUdpSocket } from './udp/open-udp.ts'
export { UdpOpenError } from './udp/udp-error.ts'
export type { UdpOptions, UdpSocket, UdpStatistics } from './udp/udp-socket.ts'
export * from './websocket/index.ts'
