import { versionOfUserAgent } from '@sallyport/portal-protocol'
import { IpAddress, parseBase64, type Random, randomBelow, randomBytes, toBase64 } from '@sallyport/sans-io'
import { type Location, type LocationHeaders, locate } from './location.ts'
import type { Client, Gateway, LastSeen, Relay, Token } from './row.ts'
import { noRelays, type PeerId, type Role, type Session } from './session.ts'
import type { TokenSigner } from './token-text.ts'
import { allocateTunnelAddress, TUNNEL_RANGES } from './tunnel-address.ts'
import { randomUuid } from './uuid.ts'
import { parseVersion } from './version.ts'
import type { WorkingSet } from './working-set.ts'

/** A peer that wants to connect: what its HTTP request says. */
export interface ConnectRequest {
  /** From the request's path. */
  readonly role: Role
  /** The query; a name given twice counts as its last value. */
  readonly parameters: ReadonlyMap<string, string>
  /** The token, where it came in a header instead of the query. */
  readonly token?: string | undefined
  readonly userAgent: string | undefined
  /** Public address of the peer. */
  readonly remoteIp: IpAddress
  /** What a trusted load balancer adds. */
  readonly location?: LocationHeaders | undefined
}

/** Why a peer is not let in. Peers never try again after a 4xx. */
export interface Refusal {
  readonly type: 'refused'
  readonly status: 401 | 403 | 422 | 503
  readonly body: string
  /** Seconds; set where trying again makes sense. */
  readonly retryAfter?: number
}

/** What admission needs to know and to write with. */
export interface Admission {
  readonly db: WorkingSet
  readonly signer: TokenSigner
  readonly random: Random
  /** Unix milliseconds. */
  readonly wallClock: number
  readonly peer: PeerId
}

/**
 * Lets a peer in: verifies its token, checks what it says of itself, and makes or refreshes its row.
 *
 * Runs in a transaction. The steps are in this order: the token's MAC for this kind of peer, its row, its hash, the
 * account, the parameters.
 */
export function admit(request: ConnectRequest, admission: Admission): Session | Refusal {
  const text = request.token ?? request.parameters.get('token')
  if (text === undefined || text === '') return refuse(401, 'Missing token')
  const token = verifyToken(text, request.role, admission)
  if (token === undefined) return refuse(401, 'Invalid token')
  const { db } = admission
  if (token.accountId !== null && db.get('accounts', token.accountId)!.disabledAt !== null) {
    return refuse(403, 'The account is disabled')
  }
  if (token.actorId !== null && db.get('actors', token.actorId)!.disabledAt !== null)
    return refuse(401, 'Invalid token')

  const form = new Form(request, admission)
  const session = sessionOf(request, token, form, admission)
  if (form.errors.length > 0) return refuse(422, `Invalid or missing connection parameters: ${form.errors.join('\n')}`)
  db.update('tokens', token.id, { lastUsedAt: admission.wallClock, ...attemptsAfter(token) })
  return session()
}

const TOKEN_TYPES = { client: 'client', gateway: 'gateway_group', relay: 'relay_group' } as const

function verifyToken(text: string, role: Role, { db, signer, wallClock }: Admission): Token | undefined {
  const type = TOKEN_TYPES[role]
  const claims = signer.verify(type, text)
  const token = claims && db.get('tokens', claims.token)
  if (token === undefined || token.type !== type || token.accountId !== (claims!.account ?? null)) return undefined
  if (token.expiresAt !== null && token.expiresAt <= wallClock) return undefined
  if (token.remainingAttempts !== null && token.remainingAttempts <= 0) return undefined
  return signer.matches(claims!, token) ? token : undefined
}

const attemptsAfter = (token: Token): Partial<Token> =>
  token.remainingAttempts === null ? {} : { remainingAttempts: token.remainingAttempts - 1 }

/** Reads the parameters and returns what makes the session, which may be called unless the form has errors. */
function sessionOf(request: ConnectRequest, token: Token, form: Form, admission: Admission): () => Session {
  switch (request.role) {
    case 'client': {
      const fields = { ...form.device(), hardware: form.hardware() }
      return () => clientSession(token, fields, admission)
    }
    case 'gateway': {
      const fields = form.device()
      return () => gatewaySession(token, fields, admission)
    }
    case 'relay': {
      const fields = form.relay()
      return () => relaySession(token, fields, admission)
    }
  }
}

interface DeviceFields {
  readonly externalId: string
  readonly name: string | undefined
  readonly publicKey: string
  readonly lastSeen: LastSeen
  readonly location: Location
}

type HardwareField = 'deviceSerial' | 'deviceUuid' | 'identifierForVendor' | 'firebaseInstallationId'
type Hardware = Pick<Client, HardwareField>

function clientSession(token: Token, fields: DeviceFields & { hardware: Hardware }, admission: Admission): Session {
  const { db, random } = admission
  const { externalId, publicKey, lastSeen, hardware } = fields
  const actor = db.get('actors', token.actorId!)!
  const known = db.by('clients', 'actorId', actor.id).find(client => client.externalId === externalId)
  const client = known
    ? db.update('clients', known.id, {
        publicKey,
        lastSeen,
        verifiedAt: isSameHardware(known, hardware) ? known.verifiedAt : null,
        ...definedOnly(hardware),
      })
    : db.insert('clients', {
        id: randomUuid(random),
        accountId: actor.accountId,
        actorId: actor.id,
        externalId,
        name: fields.name ?? friendlyName(random),
        publicKey,
        ...tunnelIdentity(actor.accountId, admission),
        ...hardware,
        verifiedAt: null,
        lastSeen,
      })
  return {
    role: 'client',
    peer: admission.peer,
    id: client.id,
    accountId: client.accountId,
    tokenId: token.id,
    expiresAt: token.expiresAt!, // clients' tokens always have one: the admin refuses to make others
    publicKey,
    version: parseVersion(lastSeen.version),
    coordinates: fields.location.coordinates,
    remoteIp: lastSeen.remoteIp,
    userAgent: lastSeen.userAgent,
    joined: false,
    relays: noRelays(),
    connectable: new Map(),
  }
}

function gatewaySession(token: Token, fields: DeviceFields, admission: Admission): Session {
  const { db, random } = admission
  const { externalId, publicKey, lastSeen } = fields
  const site = db.get('sites', token.siteId!)!
  const known = db.by('gateways', 'siteId', site.id).find(gateway => gateway.externalId === externalId)
  const name = fields.name ?? known?.name ?? friendlyName(random)
  const gateway: Gateway = known
    ? db.update('gateways', known.id, { name, publicKey, lastSeen })
    : db.insert('gateways', {
        id: randomUuid(random),
        accountId: site.accountId,
        siteId: site.id,
        externalId,
        name,
        publicKey,
        ...tunnelIdentity(site.accountId, admission),
        lastSeen,
      })
  return {
    role: 'gateway',
    peer: admission.peer,
    id: gateway.id,
    accountId: site.accountId,
    siteId: site.id,
    tokenId: token.id,
    expiresAt: token.expiresAt,
    publicKey,
    version: parseVersion(lastSeen.version),
    coordinates: fields.location.coordinates,
    remoteIp: lastSeen.remoteIp,
    joined: false,
    relays: noRelays(),
  }
}

type RelayFields = Omit<Relay, 'id'> & { readonly location: Location }

function relaySession(token: Token, { location, ...fields }: RelayFields, admission: Admission): Session {
  const { db, random } = admission
  const address = fields.ipv4 ?? fields.ipv6
  const known = db.all('relays').find(relay => (relay.ipv4 ?? relay.ipv6) === address && relay.port === fields.port)
  const relay = known
    ? db.update('relays', known.id, fields)
    : db.insert('relays', { id: randomUuid(random), ...fields })
  return {
    role: 'relay',
    peer: admission.peer,
    id: relay.id,
    tokenId: token.id,
    expiresAt: token.expiresAt,
    coordinates: location.coordinates,
    joined: false,
    stampSecret: '',
  }
}

/** Returns whether no hardware id that was known has become another one. */
function isSameHardware(known: Client, hardware: Hardware): boolean {
  return HARDWARE.every(([field]) => known[field] === null || known[field] === hardware[field])
}

function definedOnly(hardware: Hardware): Partial<Hardware> {
  return Object.fromEntries(Object.entries(hardware).filter(([, value]) => value !== null))
}

function tunnelIdentity(accountId: string, { db, random }: Admission): Pick<Client, 'pskBase' | 'ipv4' | 'ipv6'> {
  const taken = new Set<string>()
  for (const table of ['clients', 'gateways'] as const) {
    for (const device of db.by(table, 'accountId', accountId)) taken.add(device.ipv4).add(device.ipv6)
  }
  const isTaken = (address: string): boolean => taken.has(address)
  return {
    pskBase: toBase64(randomBytes(random, 32)),
    ipv4: allocateTunnelAddress(TUNNEL_RANGES[4], isTaken, random).text,
    ipv6: allocateTunnelAddress(TUNNEL_RANGES[6], isTaken, random).text,
  }
}

const HARDWARE: readonly (readonly [HardwareField, string])[] = [
  ['deviceSerial', 'device_serial'],
  ['deviceUuid', 'device_uuid'],
  ['identifierForVendor', 'identifier_for_vendor'],
  ['firebaseInstallationId', 'firebase_installation_id'],
]

const MAX_TEXT = 255

/** The parameters of a request, read with all that is wrong with them. */
class Form {
  readonly #request: ConnectRequest
  readonly #wallClock: number
  /** `field: message`. */
  readonly errors: string[] = []

  constructor(request: ConnectRequest, { wallClock }: Admission) {
    this.#request = request
    this.#wallClock = wallClock
  }

  device(): DeviceFields {
    const externalId = this.#text('external_id') ?? this.#fail('external_id', "can't be blank")
    const publicKey = this.#publicKey()
    return { externalId, publicKey, name: this.#text('name'), ...this.#seen() }
  }

  hardware(): Hardware {
    const entries = HARDWARE.map(([field, parameter]) => [field, this.#text(parameter) ?? null])
    return Object.fromEntries(entries) as unknown as Hardware
  }

  relay(): RelayFields {
    const ipv4 = this.#address('ipv4', 4)
    const ipv6 = this.#address('ipv6', 6)
    if (ipv4 === null && ipv6 === null && this.errors.length === 0) this.#fail('ipv4', "can't be blank without ipv6")
    const port = this.#text('port') ?? '3478'
    const isPort = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 0xffff
    if (!isPort) this.#fail('port', 'must be from 1 to 65535')
    return { name: this.#text('name') ?? null, ipv4, ipv6, port: Number(port), ...this.#seen() }
  }

  #seen(): { lastSeen: LastSeen; location: Location } {
    const userAgent = (this.#request.userAgent ?? '').slice(0, MAX_TEXT)
    const version = versionOfUserAgent(userAgent) ?? this.#fail('last_seen_user_agent', 'is invalid')
    const location = locate(this.#request.location ?? {})
    const lastSeen = {
      at: this.#wallClock,
      userAgent,
      version,
      remoteIp: this.#request.remoteIp.text,
      region: location.region ?? null,
      city: location.city ?? null,
      latitude: location.coordinates?.latitude ?? null,
      longitude: location.coordinates?.longitude ?? null,
    }
    return { lastSeen, location }
  }

  #text(name: string): string | undefined {
    const text = this.#request.parameters.get(name)?.trim()
    if (text === undefined || text === '') return undefined
    return text.length <= MAX_TEXT ? text : this.#fail(name, `should be at most ${MAX_TEXT} characters`)
  }

  #publicKey(): string {
    const text = this.#text('public_key')
    if (text === undefined) return this.#fail('public_key', "can't be blank")
    return parseBase64(text)?.length === 32 ? text : this.#fail('public_key', 'must be the base64 of 32 bytes')
  }

  #address(name: string, family: 4 | 6): string | null {
    const text = this.#text(name)
    if (text === undefined) return null
    const ip = IpAddress.parse(text)
    return ip?.family === family ? ip.text : this.#fail(name, 'is invalid')
  }

  #fail(field: string, message: string): string {
    this.errors.push(`${field}: ${message}`)
    return ''
  }
}

const refuse = (status: 401 | 403 | 422, body: string): Refusal => ({ type: 'refused', status, body })

const UNAMBIGUOUS = 'abcdefghjkmnpqrstuvwxyz23456789'

/** Returns five characters that can't be mistaken for each other. */
const friendlyName = (random: Random): string =>
  Array.from({ length: 5 }, () => UNAMBIGUOUS[randomBelow(random, UNAMBIGUOUS.length)]).join('')
