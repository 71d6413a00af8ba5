import { type IpAddress, type StunCrypto, toHex, utf8 } from '@sallyport/sans-io'
import { isUuid } from './ids.ts'
import type { Key } from './scalar.ts'

/** What a client or gateway tells the portal when it connects. */
export interface PeerLogin {
  readonly role: 'client' | 'gateway'
  /** The portal's address: `wss://api.example.com/prefix`. `http` and `https` are taken for `ws` and `wss`. */
  readonly apiUrl: string
  /** Secret. */
  readonly token: string
  /** The device's id as configured: a UUID is hashed on its way, anything else goes as it is. */
  readonly firezoneId: string
  /** The device's name as people see it. */
  readonly name: string
  /** Our WireGuard key. */
  readonly publicKey: Key
  /** What a client knows of its hardware; a gateway sends none of it. */
  readonly device?: DeviceInfo
}

/** What a relay tells the portal when it connects. */
export interface RelayLogin {
  readonly role: 'relay'
  /** The portal's address, as in {@link PeerLogin}. */
  readonly apiUrl: string
  /** Secret. */
  readonly token: string
  /** A name for people, if it has one. */
  readonly name?: string | undefined
  /** Its public IPv4 address; at least one of the two is wanted. */
  readonly ipv4?: IpAddress | undefined
  /** Its public IPv6 address. */
  readonly ipv6?: IpAddress | undefined
  /** Where it listens. */
  readonly port: number
}

/** Identifies a device to administrators. */
export interface DeviceInfo {
  readonly serial?: string | undefined
  readonly uuid?: string | undefined
}

/** Where to connect to. */
export interface LoginUrl {
  /** The whole URL with scheme `ws` or `wss` and an explicit port. Holds the token: never to be logged. */
  readonly url: string
  /** Scheme, host and port: fit for logs. */
  readonly origin: string
  /** Host without port, IPv6 without brackets: what is to be resolved. */
  readonly hostname: string
  /** From 1 to 65535. */
  readonly port: number
}

/** The portal's address can't be used. */
export class PortalUrlError extends Error {
  override readonly name = 'PortalUrlError'
  /** Stable. */
  readonly code: 'PORTAL_URL_INVALID' | 'PORTAL_URL_SCHEME'

  constructor(code: PortalUrlError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Returns the URL by which a peer reaches the portal and logs in.
 *
 * The path of `apiUrl` is kept as a prefix, its query is dropped. Port 443 is the default for every scheme.
 * Throws {@link PortalUrlError}.
 */
export function loginUrl(login: PeerLogin | RelayLogin, crypto: Pick<StunCrypto, 'sha256'>): LoginUrl {
  const base = parseBase(login.apiUrl)
  const query = Object.entries(parameters(login, crypto))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${formEncode(value!)}`)
    .join('&')
  const path = base.pathname.replace(/\/+$/, '')
  const origin = `${base.scheme}://${base.host}:${base.port}`
  return {
    url: `${origin}${path}/${login.role}/websocket?${query}`,
    origin,
    hostname: base.host.replace(/^\[(.*)\]$/, '$1'),
    port: base.port,
  }
}

/** Returns how the id of a device travels: a UUID as the hexadecimal SHA-256 of its text, anything else verbatim. */
export function externalId(firezoneId: string, crypto: Pick<StunCrypto, 'sha256'>): string {
  return isUuid(firezoneId) ? toHex(crypto.sha256(utf8(firezoneId))) : firezoneId
}

// In the order in which the original sends them.
function parameters(
  login: PeerLogin | RelayLogin,
  crypto: Pick<StunCrypto, 'sha256'>,
): Readonly<Record<string, string | undefined>> {
  if (login.role === 'relay')
    return {
      token: login.token,
      name: login.name,
      ipv4: login.ipv4?.text,
      ipv6: login.ipv6?.text,
      port: String(login.port),
    }
  const device = login.role === 'client' ? login.device : undefined
  return {
    token: login.token,
    external_id: externalId(login.firezoneId, crypto),
    name: login.name,
    device_serial: device?.serial === UNSET_SERIAL ? undefined : device?.serial,
    device_uuid: device?.uuid,
    public_key: login.publicKey,
  }
}

/** What boards without a serial number of their own say. */
const UNSET_SERIAL = '123456789'

const SCHEMES: Readonly<Record<string, string>> = { 'http:': 'ws', 'https:': 'wss', 'ws:': 'ws', 'wss:': 'wss' }

// URL exists in every JavaScript runtime, but in no ECMAScript type library.
declare const URL: {
  parse(text: string): { protocol: string; hostname: string; port: string; pathname: string } | null
}

function parseBase(text: string): { scheme: string; host: string; port: number; pathname: string } {
  const url = URL.parse(text)
  if (url === null || url.hostname === '')
    throw new PortalUrlError('PORTAL_URL_INVALID', 'the portal address is no URL')
  const scheme = SCHEMES[url.protocol]
  if (scheme === undefined)
    throw new PortalUrlError(
      'PORTAL_URL_SCHEME',
      `the portal address has scheme ${url.protocol} instead of wss: or ws:`,
    )
  // URL drops a port that is the scheme's default; the original therefore turns an explicit :80 into 443.
  const explicit = /^[a-z]+:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text)?.[1]
  return { scheme, host: url.hostname, port: Number(explicit ?? 443), pathname: url.pathname }
}

function formEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
