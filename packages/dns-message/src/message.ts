import type { IpAddress } from '@sallyport/sans-io'
import type { DomainName } from './domain-name.ts'

/** What is asked (RFC 1035 §4.1.2). */
export interface Question {
  readonly name: DomainName
  /** See {@link RecordType}. */
  readonly type: number
  readonly class: number
}

/** A resource record (RFC 1035 §4.1.3). */
export interface DnsRecord {
  readonly name: DomainName
  /** See {@link RecordType}; decides what kind of `data` there is. */
  readonly type: number
  /** The class; of an OPT record the largest UDP payload that its sender takes (RFC 6891 §6.1.2). */
  readonly class: number
  /** In seconds, unsigned; of an OPT record the extended code and flags. */
  readonly ttl: number
  readonly data: RecordData
}

/** A numbered parameter of an OPT or SVCB record. */
export interface Parameter {
  readonly key: number
  readonly value: Uint8Array
}

/** What a record says. */
export type RecordData =
  /** A and AAAA. */
  | { readonly kind: 'address'; readonly address: IpAddress }
  /** NS, CNAME and PTR. */
  | { readonly kind: 'name'; readonly target: DomainName }
  | { readonly kind: 'mx'; readonly preference: number; readonly exchange: DomainName }
  | {
      readonly kind: 'srv'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: DomainName
    }
  /** Character strings of at most 255 bytes. */
  | { readonly kind: 'txt'; readonly strings: readonly Uint8Array[] }
  | {
      readonly kind: 'soa'
      readonly primary: DomainName
      readonly mailbox: DomainName
      readonly serial: number
      readonly refresh: number
      readonly retry: number
      readonly expire: number
      readonly minimum: number
    }
  /** SVCB and HTTPS (RFC 9460 §2.2), with the parameters in ascending order. */
  | {
      readonly kind: 'svcb'
      readonly priority: number
      readonly target: DomainName
      readonly parameters: readonly Parameter[]
    }
  | { readonly kind: 'opt'; readonly options: readonly Parameter[] }
  /** Any other type (RFC 3597). */
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array }

/** A whole message. */
export interface DnsMessage {
  readonly id: number
  /** The header's second 16 bits: QR, opcode, AA, TC, RD, RA, AD, CD and the response code. */
  readonly flags: number
  readonly questions: readonly Question[]
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  readonly additionals: readonly DnsRecord[]
}

/** Why bytes are not a DNS message that we take. */
export type DnsDefect =
  | 'truncated-header'
  | 'truncated-message'
  | 'bad-name'
  | 'bad-record-data'
  | 'decompression-bomb'
  | 'not-a-query'
  | 'not-a-response'
  | 'not-one-question'

/** EDNS parameters of a message (RFC 6891 §6.1.3). */
export interface Edns {
  /** The largest UDP payload in bytes that the sender takes. */
  readonly udpPayloadLength: number
  /** The upper 8 bits of the response code. */
  readonly extendedCode: number
  readonly version: number
  /** Whether DNSSEC records are wanted (RFC 3225). */
  readonly dnssecOk: boolean
  readonly options: readonly Parameter[]
}
