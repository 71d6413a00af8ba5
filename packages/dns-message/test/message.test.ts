import { fromHex, IpAddress, toHex } from '@sallyport/sans-io'
import * as dnsPacket from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DnsMessage,
  DomainName,
  ednsOf,
  encodeMessage,
  isResponseTo,
  makeQuery,
  makeRecord,
  makeResponse,
  type OneQuestion,
  parseMessage,
  parseQuery,
  parseResponse,
  RecordType,
  ResponseCode,
  responseCodeOf,
  truncateMessage,
} from '../src/index.ts'
import { anyName, messageOf, plainName } from './arbitraries.ts'

const QUERY = fromHex('1234 0100 0001 0000 0000 0000 07 6578616d706c65 03 636f6d 00 0001 0001')
const QUESTION = '076578616d706c6503636f6d0000010001'

describe('what is written', () => {
  test('reads the same again, whatever the records', () => {
    fc.assert(
      fc.property(messageOf(fc.oneof(anyName, plainName)), fc.boolean(), (message, compresses) => {
        const parsed = read(encodeMessage(message, { compresses }))
        expect(shown(parsed)).toEqual(shown(message))
      }),
    )
  })

  test('is never longer with compression', () => {
    fc.assert(
      fc.property(messageOf(plainName), message => {
        const [plain, compressed] = [encodeMessage(message), encodeMessage(message, { compresses: true })]
        expect(compressed.length).toBeLessThanOrEqual(plain.length)
      }),
    )
  })

  test('points to a name only where it stands in the same case', () => {
    const message = makeQuery(1, DomainName.of('a.Example.com'), RecordType.A)
    const answers = [
      makeRecord(DomainName.of('b.example.COM'), RecordType.NS, 1, {
        kind: 'name',
        target: DomainName.of('x.Example.com'),
      }),
    ]
    const parsed = read(encodeMessage({ ...message, answers }, { compresses: true }))

    expect(parsed.answers[0]!.name.text).toBe('b.example.COM')
  })

  test('has numbers within their width, or is refused', () => {
    const query = makeQuery(1, DomainName.of('x'), RecordType.A)
    expect(() => encodeMessage({ ...query, id: 0x1_0000 })).toThrow(RangeError)
    const long = { kind: 'txt', strings: [new Uint8Array(256)] } as const
    expect(() => encodeMessage({ ...query, answers: [makeRecord(DomainName.ROOT, 16, 0, long)] })).toThrow(RangeError)
    const huge = { kind: 'opaque', bytes: new Uint8Array(0x1_0000) } as const
    expect(() => encodeMessage({ ...query, answers: [makeRecord(DomainName.ROOT, 99, 0, huge)] })).toThrow(RangeError)
  })
})

describe('another implementation', () => {
  test('reads what we write', () => {
    fc.assert(
      fc.property(plainName, fc.boolean(), (name, compresses) => {
        const bytes = encodeMessage(sample(name), { compresses })
        const theirs = dnsPacket.decode(bytesOf(bytes))
        expect(theirs.questions).toEqual([{ name: name.text, type: 'A', class: 'IN' }])
        expect(theirs.answers.map(answer => [answer.type, answer.data])).toEqual([
          ['A', '192.0.2.1'],
          ['AAAA', '2001:db8::1'],
          ['CNAME', name.text],
          ['MX', { preference: 10, exchange: name.text }],
          ['SRV', { priority: 1, weight: 2, port: 3, target: name.text }],
        ])
      }),
    )
  })

  test('writes what we read', () => {
    const bytes = dnsPacket.encode({
      type: 'response',
      id: 7,
      flags: dnsPacket.RECURSION_DESIRED,
      questions: [{ name: 'example.com', type: 'A', class: 'IN' }],
      answers: [
        { name: 'example.com', type: 'A', ttl: 60, data: '192.0.2.1' },
        { name: 'example.com', type: 'TXT', ttl: 60, data: ['hello', 'world'] },
        { name: '_ldap._tcp.example.com', type: 'SRV', ttl: 60, data: { port: 389, target: 'dc.example.com' } },
        { name: '1.2.0.192.in-addr.arpa', type: 'PTR', ttl: 60, data: 'example.com' },
        {
          name: 'example.com',
          type: 'SOA',
          ttl: 60,
          data: {
            mname: 'ns.example.com',
            rname: 'root.example.com',
            serial: 5,
            refresh: 1,
            retry: 2,
            expire: 3,
            minimum: 4,
          },
        },
      ],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: dnsPacket.DNSSEC_OK,
          flag_do: true,
          options: [],
        },
      ],
    })
    const { message } = one(parseResponse(new Uint8Array(bytes)))

    expect(message.answers.map(({ data }) => data)).toEqual([
      { kind: 'address', address: IpAddress.of('192.0.2.1') },
      { kind: 'txt', strings: [ascii('hello'), ascii('world')] },
      { kind: 'srv', priority: 0, weight: 0, port: 389, target: DomainName.of('dc.example.com') },
      { kind: 'name', target: DomainName.of('example.com') },
      {
        kind: 'soa',
        primary: DomainName.of('ns.example.com'),
        mailbox: DomainName.of('root.example.com'),
        serial: 5,
        refresh: 1,
        retry: 2,
        expire: 3,
        minimum: 4,
      },
    ])
    expect(ednsOf(message)).toEqual({
      udpPayloadLength: 1232,
      extendedCode: 0,
      version: 0,
      dnssecOk: true,
      options: [],
    })
    expect(ednsOf(read(QUERY))).toBeUndefined()
  })
})

describe('bytes of strangers', () => {
  test('never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), bytes => void parseMessage(bytes)),
      { numRuns: 2000 },
    )
  })

  test('never throw when they are almost right, and cutting them neither', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(messageOf(plainName), fc.array(change, { maxLength: 8 }), fc.nat(), (message, changes, limit) => {
        const bytes = encodeMessage(message, { compresses: true })
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        parseMessage(bytes)
        parseQuery(bytes)
        parseResponse(bytes)
        truncateMessage(bytes, limit % 1500)
        const parsed = parseMessage(bytes)
        if (typeof parsed !== 'string') expect(shown(read(encodeMessage(parsed)))).toEqual(shown(parsed))
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['nothing', '', 'truncated-header'],
    ['a header that promises a question', '1234 0100 0001 0000 0000 0000', 'truncated-message'],
    ['a pointer to itself', '1234 0100 0001 0000 0000 0000 c00c 0001 0001', 'bad-name'],
    ['a pointer forwards', '1234 0100 0001 0000 0000 0000 c010 0001 00 00', 'bad-name'],
    ['a pointer back into the part that it ends', '1234 0100 0001 0000 0000 0000 0161 c00c 0001 0001', 'bad-name'],
    ['a reserved kind of label', '1234 0100 0001 0000 0000 0000 80 0001 0001', 'bad-name'],
    [
      'an address of three bytes',
      `1234 8100 0001 0001 0000 0000 ${QUESTION} c00c 0001 0001 00000001 0003 010203`,
      'bad-record-data',
    ],
    [
      'a name that ends before its record',
      `1234 8100 0001 0001 0000 0000 ${QUESTION} c00c 0005 0001 00000001 0003 c00c 00`,
      'bad-record-data',
    ],
    [
      'a string beyond its record',
      `1234 8100 0001 0002 0000 0000 ${QUESTION} c00c 0010 0001 00000001 0002 0561 c00c 0001 0001 00000001 0004 01020304`,
      'bad-record-data',
    ],
    [
      'a record beyond the message',
      `1234 8100 0001 0001 0000 0000 ${QUESTION} c00c 0001 0001 00000001 0004 0102`,
      'truncated-message',
    ],
    [
      'parameters out of order',
      `1234 8100 0001 0001 0000 0000 ${QUESTION} c00c 0041 0001 00000001 000b 0001 00 0001 0000 0001 0000`,
      'bad-record-data',
    ],
  ])('%s is refused', (_, hex, defect) => {
    expect(parseMessage(fromHex(hex))).toBe(defect)
  })

  test('a small message can not unfold to a huge one', () => {
    const label = `3f${'61'.repeat(63)}`
    const long = `${label}${label}${label}00`
    const count = 5000
    const header = `1234 8100 0001 ${count.toString(16).padStart(4, '0')} 0000 0000`
    const bytes = fromHex(`${header}${long}00010001${'c00c 0063 0001 00000000 0000'.repeat(count)}`)

    expect(parseMessage(bytes)).toBe('decompression-bomb')
  })

  test('a name of more than 255 bytes is refused', () => {
    const label = `3f${'61'.repeat(63)}`
    expect(parseMessage(fromHex(`1234 0100 0001 0000 0000 0000 ${label.repeat(4)}00 0001 0001`))).toBe('bad-name')
  })
})

describe('queries and responses', () => {
  test('a query is a message with one question that is no response', () => {
    const { question } = one(parseQuery(QUERY))
    expect([question.name.text, question.type, question.class]).toEqual(['example.com', 1, 1])
    expect(parseResponse(QUERY)).toBe('not-a-response')
    expect(parseQuery(fromHex('1234 0100 0000 0000 0000 0000'))).toBe('not-one-question')
    expect(parseQuery(fromHex(`1234 0100 0002 0000 0000 0000 ${QUESTION}${QUESTION}`))).toBe('not-one-question')
    expect(parseQuery(fromHex(`1234 8100 0001 0000 0000 0000 ${QUESTION}`))).toBe('not-a-query')
  })

  test('a response of ours has the known bytes: id, opcode and RD of the query, nothing compressed', () => {
    const query = one(parseQuery(QUERY))
    const { name } = query.question
    const answers = [1, 2, 3, 4].map(n =>
      makeRecord(name, RecordType.A, 1, { kind: 'address', address: IpAddress.of(`100.96.0.${n}`) }),
    )
    const bytes = encodeMessage(makeResponse(query, ResponseCode.NO_ERROR, answers))

    const record = (n: number) => `${QUESTION}00000001000464600 00${n}`.replace(' ', '')
    expect(toHex(bytes)).toBe(`123481000001000400000000${QUESTION}${[1, 2, 3, 4].map(record).join('')}`)
    expect(bytes).toHaveLength(137)
  })

  test('a response belongs to a query with its id and question, in whatever case', () => {
    const query = one(parseQuery(QUERY))
    const answer = (id: number, name: string, type: number) =>
      one(
        parseResponse(
          encodeMessage(
            makeResponse(
              { message: { ...query.message, id }, question: { ...query.question, name: DomainName.of(name), type } },
              ResponseCode.NO_ERROR,
            ),
          ),
        ),
      )

    expect(isResponseTo(query, answer(0x1234, 'EXAMPLE.com', 1))).toBe(true)
    expect(isResponseTo(query, answer(0x1235, 'example.com', 1))).toBe(false)
    expect(isResponseTo(query, answer(0x1234, 'example.org', 1))).toBe(false)
    expect(isResponseTo(query, answer(0x1234, 'example.com', 28))).toBe(false)
  })

  test('what is too long is cut behind the question and says so', () => {
    const query = one(parseQuery(QUERY))
    const text = { kind: 'txt', strings: Array.from({ length: 6 }, () => new Uint8Array(255)) } as const
    const message = makeResponse(query, ResponseCode.NAME_ERROR, [
      makeRecord(query.question.name, RecordType.TXT, 1, text),
    ])
    const bytes = encodeMessage(message, { limit: 1212 })

    expect(toHex(bytes)).toBe(`123483030001000000000000${QUESTION}`)
    expect(responseCodeOf(read(bytes))).toBe(ResponseCode.NAME_ERROR)
    expect(truncateMessage(bytes, 1212)).toBe(bytes)
    expect(truncateMessage(new Uint8Array(100).fill(0xff), 50)).toHaveLength(12)
  })
})

function sample(name: DomainName): DnsMessage {
  const record = (type: number, data: Parameters<typeof makeRecord>[3]) => makeRecord(name, type, 60, data)
  return {
    ...makeQuery(1, name, RecordType.A),
    flags: 0x8100,
    answers: [
      record(RecordType.A, { kind: 'address', address: IpAddress.of('192.0.2.1') }),
      record(RecordType.AAAA, { kind: 'address', address: IpAddress.of('2001:db8::1') }),
      record(RecordType.CNAME, { kind: 'name', target: name }),
      record(RecordType.MX, { kind: 'mx', preference: 10, exchange: name }),
      record(RecordType.SRV, { kind: 'srv', priority: 1, weight: 2, port: 3, target: name }),
    ],
  }
}

function read(bytes: Uint8Array): DnsMessage {
  const message = parseMessage(bytes)
  if (typeof message === 'string') throw new Error(message)
  return message
}

function one(parsed: OneQuestion | string): OneQuestion {
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

const shown = (message: DnsMessage): unknown =>
  JSON.parse(JSON.stringify(message, (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)))

const ascii = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))
const bytesOf = (bytes: Uint8Array): Uint8Array => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
