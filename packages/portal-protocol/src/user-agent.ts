/** The version of Firezone's client that our clients count as when a portal matches them with gateways. */
export const CLIENT_VERSION = '1.5.8'

/** The version of Firezone's gateway that our gateways count as when a portal matches them with clients. */
export const GATEWAY_VERSION = '1.4.16'

/** What a peer tells of itself in its `User-Agent`. */
export interface PeerVersion {
  /** The operating system's name. */
  readonly osName: string
  /** Left out where it is unknown. */
  readonly osVersion?: string | undefined
  /** The version that the portal goes by when it matches clients with gateways: `1.5.8`. */
  readonly version: string
  /** The processor: `x86_64`. */
  readonly arch?: string | undefined
  /** The kernel's release. */
  readonly kernel?: string | undefined
}

/** Returns a client's or gateway's `User-Agent`: `Alpine Linux/3.20.0 connlib/1.5.3 (x86_64; 6.8.0-45-generic)`. */
export function peerUserAgent(peer: PeerVersion): string {
  const os = peer.osVersion === undefined ? peer.osName : `${peer.osName}/${peer.osVersion}`
  const details = [peer.arch, peer.kernel].filter(detail => detail !== undefined).join('; ')
  return `${os} connlib/${peer.version}${details === '' ? '' : ` (${details})`}`
}

/** Returns a relay's `User-Agent`. */
export const relayUserAgent = (version: string): string => `relay/${version}`

/**
 * Returns the version that a `User-Agent` tells: of the first word that begins with `connlib/` or `relay/`.
 *
 * `undefined` if there is none: the portal refuses such a peer.
 */
export function versionOfUserAgent(userAgent: string): string | undefined {
  const word = userAgent.split(' ').find(word => word.startsWith('connlib/') || word.startsWith('relay/'))
  const version = word?.slice(word.indexOf('/') + 1)
  return version === '' ? undefined : version
}
