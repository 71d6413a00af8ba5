import { type Random, randomElement } from '@sallyport/sans-io'
import { type Coordinates, groupByDistance } from './location.ts'
import { compareVersions, isCompatible, type Version } from './version.ts'

/** A gateway that may be chosen: it is online now. */
export interface GatewayCandidate {
  readonly id: string
  readonly version: Version | undefined
  readonly coordinates: Coordinates | undefined
}

/** What the choice of a gateway depends on, besides the gateways. */
export interface GatewayWish {
  readonly clientVersion: Version
  readonly coordinates: Coordinates | undefined
  /** Gateways that the client used lately: one of them, if any can be had, saves it a new connection. */
  readonly connectedGatewayIds: ReadonlySet<string>
}

/**
 * Chooses the gateway for a new flow, or none.
 *
 * Of the compatible ones: those the client is connected to, else all; of them the nearest; of them the newest version;
 * of them a random one.
 */
export function chooseGateway<G extends GatewayCandidate>(
  candidates: readonly G[],
  wish: GatewayWish,
  random: Random,
): G | undefined {
  const compatible = candidates.filter(({ version }) => version && isCompatible(wish.clientVersion, version))
  const connected = compatible.filter(({ id }) => wish.connectedGatewayIds.has(id))
  const eligible = connected.length > 0 ? connected : compatible
  if (wish.coordinates === undefined) return randomElement(random, eligible)
  const nearest = groupByDistance(wish.coordinates, eligible, gateway => gateway.coordinates)[0] ?? []
  return randomElement(random, newest(nearest))
}

function newest<G extends GatewayCandidate>(gateways: readonly G[]): G[] {
  let best: G[] = []
  for (const gateway of gateways) {
    const order = best.length === 0 ? 0 : compareVersions(gateway.version!, best[0]!.version!)
    if (order > 0) best = [gateway]
    else if (order === 0) best.push(gateway)
  }
  return best
}
