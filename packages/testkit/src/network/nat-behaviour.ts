/** What a mapping or a filter depends on besides the inner address and port (RFC 4787 §4.1, §5). */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent'

/** All of them, most permissive first. */
export const DEPENDENCES: readonly Dependence[] = [
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
]

/** How a NAT treats UDP, in the terms of RFC 4787: every combination exists in the field. */
export interface NatBehaviour {
  /** When one inner socket gets another outer port: for each destination, for each destination's address, or never (§4.1). */
  readonly mapping: Dependence
  /** Who may answer: exactly who was sent to, every port of an address that was sent to, or everybody (§5). */
  readonly filtering: Dependence
  /** Whether the outer port is the inner one where that is free; otherwise it is random (§4.2.1). */
  readonly preservesPorts: boolean
  /** Whether hosts behind it reach each other under their outer addresses (§6). */
  readonly hairpins?: boolean
  /** Whether datagrams from outside keep a mapping alive, as those from inside do (§4.3). */
  readonly refreshesInbound?: boolean
}

/**
 * The kinds of RFC 3489 §5, in the meaning of RFC 4787:
 *
 * | kind | mapping | filtering | ports |
 * |---|---|---|---|
 * | `full-cone` | endpoint-independent | endpoint-independent | preserved |
 * | `address-restricted` | endpoint-independent | address-dependent | preserved |
 * | `port-restricted` | endpoint-independent | address-and-port-dependent | preserved |
 * | `symmetric` | address-and-port-dependent | address-and-port-dependent | random |
 */
export type NatKind = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric'

/** All kinds, most permissive first. */
export const NAT_KINDS: readonly NatKind[] = ['full-cone', 'address-restricted', 'port-restricted', 'symmetric']

const KINDS: Readonly<Record<NatKind, NatBehaviour>> = {
  'full-cone': { mapping: 'endpoint-independent', filtering: 'endpoint-independent', preservesPorts: true },
  'address-restricted': { mapping: 'endpoint-independent', filtering: 'address-dependent', preservesPorts: true },
  'port-restricted': {
    mapping: 'endpoint-independent',
    filtering: 'address-and-port-dependent',
    preservesPorts: true,
  },
  symmetric: {
    mapping: 'address-and-port-dependent',
    filtering: 'address-and-port-dependent',
    preservesPorts: false,
  },
}

/** Returns how a NAT of that kind behaves; a behaviour that is spelled out is its own. */
export const behaviourOf = (nat: NatKind | NatBehaviour): NatBehaviour => (typeof nat === 'string' ? KINDS[nat] : nat)
