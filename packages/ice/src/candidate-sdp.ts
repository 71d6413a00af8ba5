import { IpAddress, SocketAddress } from '@sallyport/sans-io'
import type { Candidate, CandidateProtocol, CandidateType } from './candidate.ts'

/** Why a text is no candidate. */
export type CandidateTextDefect =
  | 'too-long'
  | 'bad-syntax'
  | 'bad-component'
  | 'bad-protocol'
  | 'bad-priority'
  | 'bad-address'
  | 'bad-type'
  | 'bad-related-address'

const MAX_TEXT_LENGTH = 1024
const PROTOCOLS: ReadonlySet<string> = new Set<CandidateProtocol>(['udp', 'tcp', 'ssltcp', 'tls'])
const TYPES: ReadonlySet<string> = new Set<CandidateType>(['host', 'srflx', 'prflx', 'relay'])

/** Returns the candidate's text as ICE signals it (RFC 8839 §5.1), without `a=` in front. */
export function formatCandidate(candidate: Candidate): string {
  const { foundation, component, protocol, priority, address, type, relatedAddress, ufrag } = candidate
  const related = relatedAddress === undefined ? '' : ` raddr ${relatedAddress.ip.text} rport ${relatedAddress.port}`
  const fragment = ufrag === undefined ? '' : ` ufrag ${ufrag}`
  return `candidate:${foundation} ${component} ${protocol} ${priority} ${address.ip.text} ${address.port} typ ${type}${related}${fragment}`
}

/**
 * Parses a remote candidate's text (RFC 8839 §5.1): fields in this order, single spaces, addresses rather than names.
 *
 * Behind the type may follow, in this order, `tcptype`, `raddr` with `rport`, `generation`, `network-id`, `ufrag` and
 * `network-cost`, each with its value; the rest of the text is ignored. Never throws: the text comes from a stranger.
 */
export function parseCandidate(text: string): Candidate | CandidateTextDefect {
  if (text.length > MAX_TEXT_LENGTH) return 'too-long'
  const tokens = text.split(' ')
  const [head, component, protocolText, priorityText, ip, port, typ, type] = tokens
  const foundation = head?.startsWith('candidate:') ? head.slice('candidate:'.length) : ''
  if (foundation === '' || typ !== 'typ') return 'bad-syntax'
  const componentNumber = parseNumber(component, 0xffff)
  if (componentNumber === undefined) return 'bad-component'
  const protocol = protocolText?.toLowerCase() ?? ''
  if (!isProtocol(protocol)) return 'bad-protocol'
  const priority = parseNumber(priorityText, 0xffff_ffff)
  if (priority === undefined) return 'bad-priority'
  const address = parseAddress(ip, port)
  if (address === undefined) return 'bad-address'
  if (!isType(type)) return 'bad-type'

  const extensions = new Extensions(tokens, 8)
  extensions.take('tcptype')
  const relatedIp = extensions.take('raddr')
  const relatedAddress = relatedIp === undefined ? undefined : parseAddress(relatedIp, extensions.take('rport'))
  if (relatedIp !== undefined && relatedAddress === undefined) return 'bad-related-address'
  extensions.take('generation')
  extensions.take('network-id')
  const ufrag = extensions.take('ufrag')
  return {
    type,
    foundation,
    component: componentNumber,
    protocol,
    priority,
    address,
    base: address,
    relatedAddress,
    ufrag,
    via: undefined,
  }
}

/** The name and value pairs behind a candidate's type. */
class Extensions {
  readonly #tokens: readonly string[]
  #next: number

  constructor(tokens: readonly string[], next: number) {
    this.#tokens = tokens
    this.#next = next
  }

  /** Takes the value of `name` if it comes next. */
  take(name: string): string | undefined {
    const value = this.#tokens[this.#next + 1]
    if (this.#tokens[this.#next] !== name || value === undefined || value === '') return undefined
    this.#next += 2
    return value
  }
}

function isProtocol(text: string): text is CandidateProtocol {
  return PROTOCOLS.has(text)
}

function isType(text: string | undefined): text is CandidateType {
  return text !== undefined && TYPES.has(text)
}

function parseNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  const value = Number(text)
  return value <= max ? value : undefined
}

function parseAddress(ip: string | undefined, port: string | undefined): SocketAddress | undefined {
  const address = ip === undefined ? undefined : IpAddress.parse(ip)
  const number = parseNumber(port, 0xffff)
  return address === undefined || number === undefined ? undefined : new SocketAddress(address, number)
}
