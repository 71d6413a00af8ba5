/**
 * A simulated internet for tests: hosts, cables, NATs and relays on a clock that jumps, and fast toy cryptography.
 *
 * For tests only. The same seed always tells the same story.
 *
 * @packageDocumentation
 */
export {
  type BuiltSite,
  buildSite,
  canReachDirectly,
  lossyCable,
  reliableCable,
  type Site,
  site,
} from './arbitraries.ts'
export { fastCrypto } from './fast-crypto.ts'
export { type Appointment, VirtualClock } from './network/clock.ts'
export { Dice } from './network/dice.ts'
export { type BoundSocket, Host, type Receiver, type Running, type RunOptions } from './network/host.ts'
export { Firewall, NAT_KINDS, Nat, type NatKind } from './network/nat.ts'
export { type HostOptions, type NatOptions, SimulatedNetwork } from './network/network.ts'
export { Router, type RouterOptions } from './network/router.ts'
export { type Cable, cable, type Flight, type Loss, Segment, type Station, type World } from './network/segment.ts'
export { runTunnelled, type Tunnelled, type TunnelledOptions } from './network/tunnelled.ts'
export { type RelayAccess, RelayHost, type RelayHostOptions } from './relay-host.ts'
