import { IpAddress } from '@sallyport/sans-io'
import fc from 'fast-check'
import {
  type DnsMessage,
  type DnsRecord,
  DomainName,
  type Question,
  type RecordData,
  RecordType,
} from '../src/index.ts'

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const shortBytes = fc.uint8Array({ maxLength: 40 })

/** Names of any bytes. */
export const anyName: fc.Arbitrary<DomainName> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 6 })
  .map(labels => DomainName.fromLabels(labels))
  .filter(name => name !== undefined)

/** Names as people write them, often with a common end. */
export const plainName: fc.Arbitrary<DomainName> = fc
  .tuple(fc.stringMatching(/^[a-zA-Z0-9-]{1,20}$/), fc.constantFrom('example.com', 'Example.com', 'corp.example', 'x'))
  .map(([first, rest]) => DomainName.of(`${first}.${rest}`))

const parameters = fc
  .uniqueArray(u16, { maxLength: 4 })
  .chain(keys =>
    fc.tuple(
      ...keys.sort((a, b) => a - b).map(key => shortBytes.map(value => ({ key, value: Uint8Array.from(value) }))),
    ),
  )

const { A, AAAA, NS, CNAME, PTR, MX, SRV, TXT, SOA, SVCB, HTTPS, OPT } = RecordType

const dataOf = (name: fc.Arbitrary<DomainName>): fc.Arbitrary<readonly [number, RecordData]> =>
  fc.oneof(
    address(A, 4),
    address(AAAA, 16),
    fc.tuple(
      fc.constantFrom<number>(NS, CNAME, PTR),
      name.map(target => ({ kind: 'name', target }) as const),
    ),
    fc.tuple(fc.constant(MX), fc.record({ kind: fc.constant('mx' as const), preference: u16, exchange: name })),
    fc.tuple(
      fc.constant(SRV),
      fc.record({ kind: fc.constant('srv' as const), priority: u16, weight: u16, port: u16, target: name }),
    ),
    fc.tuple(
      fc.constant(TXT),
      fc.record({
        kind: fc.constant('txt' as const),
        strings: fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 3 }),
      }),
    ),
    fc.tuple(
      fc.constant(SOA),
      fc.record({
        kind: fc.constant('soa' as const),
        primary: name,
        mailbox: name,
        serial: u32,
        refresh: u32,
        retry: u32,
        expire: u32,
        minimum: u32,
      }),
    ),
    fc.tuple(
      fc.constantFrom<number>(SVCB, HTTPS),
      fc.record({ kind: fc.constant('svcb' as const), priority: u16, target: name, parameters }),
    ),
    fc.tuple(fc.constant(OPT), fc.record({ kind: fc.constant('opt' as const), options: parameters })),
    fc.tuple(
      u16.filter(type => !Object.values<number>(RecordType).includes(type)),
      fc.record({ kind: fc.constant('opaque' as const), bytes: shortBytes }),
    ),
  )

function address(type: number, length: number): fc.Arbitrary<readonly [number, RecordData]> {
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map(bytes => [type, { kind: 'address', address: IpAddress.fromBytes(bytes) }] as const)
}

const records = (name: fc.Arbitrary<DomainName>): fc.Arbitrary<DnsRecord[]> =>
  fc.array(
    fc
      .tuple(name, dataOf(name), u16, u32)
      .map(([owner, [type, data], klass, ttl]) => ({ name: owner, type, class: klass, ttl, data })),
    { maxLength: 4 },
  )

/** Messages of anything that we can write. */
export const messageOf = (name: fc.Arbitrary<DomainName>): fc.Arbitrary<DnsMessage> =>
  fc.record({
    id: u16,
    flags: u16,
    questions: fc.array(fc.record({ name, type: u16, class: u16 }) satisfies fc.Arbitrary<Question>, { maxLength: 2 }),
    answers: records(name),
    authorities: records(name),
    additionals: records(name),
  })
