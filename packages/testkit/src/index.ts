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
  buildSites,
  lossyCable,
  natBehaviour,
  reliableCable,
  type Site,
  type SitePair,
  site,
  sitePair,
} from './arbitraries.ts'
export { type Capture, captureOf } from './capture.ts'
export { CheckTrace } from './check-trace.ts'
export { fastCrypto } from './fast-crypto.ts'
export { type Reachability, reachabilityOf } from './hole-punching.ts'
export { type Appointment, VirtualClock } from './network/clock.ts'
export { Dice } from './network/dice.ts'
export { Firewall } from './network/firewall.ts'
export { type BoundSocket, Host, type Receiver, type Running, type RunOptions } from './network/host.ts'
export { Nat } from './network/nat.ts'
export {
  behaviourOf,
  DEPENDENCES,
  type Dependence,
  NAT_KINDS,
  type NatBehaviour,
  type NatKind,
} from './network/nat-behaviour.ts'
export { type HostOptions, type NatOptions, SimulatedNetwork } from './network/network.ts'
export { Router, type RouterOptions } from './network/router.ts'
export { type Cable, cable, type Flight, type Loss, Segment, type Station, type World } from './network/segment.ts'
export { runTunnelled, type Tunnelled, type TunnelledOptions } from './network/tunnelled.ts'
export { type CapturedPacket, PcapngWriter } from './pcapng.ts'
export { type RelayAccess, RelayHost, type RelayHostOptions } from './relay-host.ts'
