import { type Instant, millis, minutes, seconds, seededRandom } from '@sallyport/sans-io'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeFailure, isAuthenticationFailure, PhoenixChannel, type PhoenixFailure } from '../src/index.ts'
import { Rig, URL } from './rig.ts'

describe('joining', () => {
  test('sends the join with all four keys in the order of the original, and null where it is empty', () => {
    const rig = new Rig().connect().open()

    expect(rig.transmits.at(-1)).toEqual({
      type: 'send',
      text: '{"topic":"client","event":"phx_join","payload":null,"ref":0}',
    })
  })

  test('sends the join with what it was given', () => {
    const rig = new Rig({ topic: 'relay', joinPayload: { stamp_secret: 's' } }).connect().open()

    expect(rig.sent()).toEqual([{ topic: 'relay', event: 'phx_join', payload: { stamp_secret: 's' }, ref: 0 }])
  })

  test('a message sent before the connection exists goes out only after the answer to the join', () => {
    const rig = new Rig().push('create_flow', { a: 1 }).connect().open().advance(100)
    expect(rig.sent().map(frame => frame.event)).toEqual(['phx_join'])

    rig.acceptJoin()

    expect(rig.sent().map(frame => [frame.event, frame.ref])).toEqual([
      ['phx_join', 1],
      ['create_flow', 0],
    ])
    expect(rig.event('joined')).toBeDefined()
  })

  test('an answer to another request does not join', () => {
    const rig = new Rig().connect().open().reply(7, { status: 'ok', response: {} })

    expect(rig.channel.state).toBe('joining')
  })

  test('any good answer joins, also one with more in it than the original would parse', () => {
    expect(new Rig().connect().open().acceptJoin({ more: 1 }).channel.state).toBe('joined')
    expect(new Rig().connect().open().acceptJoin(null).channel.state).toBe('joined')
  })

  test('an unanswered join reconnects after 5 s, and its late answer does not count for the next one', () => {
    const rig = new Rig().connect().open()

    rig.advance(4999)
    expect(rig.channel.state).toBe('joining')
    rig.advance(1)
    expect(rig.event('disconnected')?.reason).toMatch(/join/)
    expect(rig.attempts()).toBe(2)

    rig.open().reply(0, { status: 'ok', response: {} })
    expect(rig.channel.state).toBe('joining')
    rig.acceptJoin()
    expect(rig.channel.state).toBe('joined')
  })

  test('a refused join is the end', () => {
    const rig = new Rig()
      .connect()
      .open()
      .reply(0, { status: 'error', response: { reason: 'unmatched topic' } })

    expect(rig.event('failed')?.failure).toEqual({ type: 'login-failed', reason: 'unmatched topic' })
    expect(rig.transmits.at(-1)).toEqual({ type: 'drop' })
    expect(rig.channel.pollTimeout()).toBeUndefined()
  })

  test('"unmatched topic" as the answer to a message joins again on the same connection', () => {
    const rig = Rig.joined().push('create_flow')

    rig.reply(rig.sent('create_flow')[0]!.ref, { status: 'error', response: { reason: 'unmatched topic' } })

    expect(rig.sent('phx_join')).toHaveLength(1)
    expect(rig.attempts()).toBe(0)
    expect(rig.push('later').sent('later')).toEqual([])
    expect(rig.acceptJoin().sent('later')).toHaveLength(1)
  })
})

describe('the lazily created backoff', () => {
  test('a connection that was healthy for longer than max elapsed is retried after one disconnect, not given up', () => {
    const rig = Rig.joined({ backoff: { maxElapsed: minutes(15) } })
    const heartbeats = () => rig.sent('heartbeat').at(-1)
    for (let elapsed = 0; elapsed < 60; elapsed += 0.5) {
      rig.advance(seconds(30))
      rig.reply(heartbeats()!.ref, { status: 'ok', response: {} }, 'phoenix')
    }
    rig.take()

    rig.lose()

    expect(rig.event('failed')).toBeUndefined()
    expect(rig.event('disconnected')?.retryAt).toBe(rig.now)
    expect(rig.attempts()).toBe(1)
  })

  test('retries at once, then after growing times, and gives up only max elapsed after the first failure', () => {
    const rig = Rig.joined({ backoff: { maxElapsed: minutes(15) } }).advance(seconds(29))
    const start = rig.now
    const gaps: number[] = []
    rig.lose()
    while (rig.event('failed') === undefined) {
      rig.lose('refused')
      const retry = rig.event('disconnected')!
      if (rig.event('failed') === undefined) {
        gaps.push(retry.retryAt - rig.now)
        rig.advance(retry.retryAt - rig.now)
      }
    }

    expect(gaps[0]).toBeGreaterThanOrEqual(250)
    expect(gaps[0]).toBeLessThanOrEqual(750)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(90_000)
    expect(Math.max(...gaps)).toBeGreaterThan(30_000)
    expect(rig.now - start).toBeGreaterThan(minutes(15) - 90_000)
    expect(rig.now - start).toBeLessThanOrEqual(minutes(15))
    expect(rig.event('failed')?.failure).toEqual({ type: 'retries-exhausted', reason: 'refused' })
  })

  test('never gives up without a limit', () => {
    const rig = new Rig({ backoff: { maxElapsed: undefined } }).connect()
    for (let day = 0; day < 2000; day++) rig.lose().advance(90_000)

    expect(rig.event('failed')).toBeUndefined()
  })

  test('a join forgets it: the next outage again begins with a retry at once', () => {
    const rig = Rig.joined().lose().lose().lose()
    rig.advance(90_000).open().acceptJoin().take()

    rig.lose()

    expect(rig.event('disconnected')?.retryAt).toBe(rig.now)
  })

  test('an upgrade alone does not forget it: a portal that never answers joins is asked less and less often', () => {
    const rig = new Rig().connect()
    for (let i = 0; i < 12; i++) {
      rig.open().advance(5000)
      rig.advance(rig.event('disconnected')!.retryAt - rig.now)
    }
    rig.open().advance(5000)

    expect(rig.event('disconnected')!.retryAt - rig.now).toBeGreaterThan(10_000)
  })

  test('an explicit connect forgets it', () => {
    const rig = Rig.joined().lose().lose().lose()
    rig.connect(`${URL}&x`).take()

    rig.lose()

    expect(rig.event('disconnected')?.retryAt).toBe(rig.now)
  })
})

describe('connecting', () => {
  test('tells host without port, and a user agent without what is not ASCII', () => {
    const rig = new Rig({ userAgent: 'Zoë’s\r\nPC connlib/1' }).connect()

    expect(rig.transmits).toEqual([
      { type: 'connect', url: URL, headers: { Host: 'portal.example', 'User-Agent': 'ZosPC connlib/1' } },
    ])
    const v6 = new Rig().connect('ws://[2001:db8::1]:8080/x?y').transmits[0]
    expect(v6).toMatchObject({ headers: { Host: '[2001:db8::1]' } })
  })

  test('to the same URL while connecting does nothing; to another one replaces the attempt', () => {
    const rig = new Rig().connect().connect()
    expect(rig.attempts()).toBe(1)

    expect(rig.connect(`${URL}2`).attempts()).toBe(2)
  })

  test('while waiting for a retry is done at once', () => {
    const rig = new Rig().connect().lose().lose()
    expect(rig.channel.state).toBe('waiting')

    expect(rig.connect().channel.state).toBe('connecting')
  })

  test('that takes longer than 15 s is given up and retried', () => {
    const rig = new Rig().connect()
    rig.take()

    rig.advance(15_000)

    expect(rig.transmits.map(transmit => transmit.type)).toEqual(['drop', 'connect'])
  })

  test.each([401, 403, 404, 422])('is given up for status %i', status => {
    const rig = new Rig().connect().refuse(status)

    expect(rig.event('failed')?.failure).toEqual({ type: 'refused', status, body: 'because' })
    expect(isAuthenticationFailure(rig.event('failed')!.failure)).toBe(status < 404)
  })

  test.each([408, 429, 500, 502, 503, 301])('is retried for status %i', status => {
    const rig = new Rig().connect().refuse(status)

    expect(rig.event('disconnected')).toBeDefined()
    expect(rig.attempts()).toBe(2)
  })

  test('waits as long as Retry-After asks, also the first time', () => {
    const rig = new Rig().connect().refuse(503, seconds(7))

    rig.advance(6999)
    expect(rig.attempts()).toBe(1)
    rig.advance(1)
    expect(rig.attempts()).toBe(2)
  })

  test('waits no longer than an hour for Retry-After, and gives up where that is beyond the limit', () => {
    const patient = new Rig({ backoff: { maxElapsed: undefined } }).connect().refuse(503, millis(1e12))
    expect(patient.event('disconnected')!.retryAt - patient.now).toBe(minutes(60))

    expect(new Rig().connect().refuse(503, minutes(16)).event('failed')?.failure.type).toBe('retries-exhausted')
  })

  test('is given up for an invalid certificate', () => {
    const rig = new Rig().connect().input({ type: 'failed', reason: 'self-signed', isCertificateInvalid: true })

    expect(rig.event('failed')?.failure).toEqual({ type: 'certificate-invalid', reason: 'self-signed' })
  })
})

describe('frames', () => {
  test.each<[string, unknown]>([
    ['an app message with a join_ref', { topic: 'client', event: 'init', payload: { a: 1 }, ref: null, join_ref: 0 }],
    ['an app message without ref', { topic: 'client', event: 'init', payload: { a: 1 } }],
  ])('%s is delivered', (_, frame) => {
    const rig = Rig.joined().receive(frame)

    expect(rig.events).toEqual([{ type: 'message', topic: 'client', event: 'init', payload: { a: 1 } }])
  })

  test('a payload may be a bare string, and a missing one is an empty object', () => {
    const rig = Rig.joined()
      .receive({ topic: 'client', event: 'resource_deleted', payload: 'id', ref: null })
      .receive({ topic: 'client', event: 'empty' })

    expect(rig.events).toMatchObject([{ payload: 'id' }, { payload: {} }])
  })

  test('phx_close reconnects', () => {
    const rig = Rig.joined().receive({ topic: 'client', event: 'phx_close', ref: null, payload: {} })

    expect(rig.transmits.map(transmit => transmit.type)).toEqual(['drop', 'connect'])
  })

  test('phx_error changes nothing', () => {
    expect(Rig.joined().receive({ topic: 'client', event: 'phx_error', ref: null, payload: {} }).events).toEqual([])
  })

  test('an expired token is the end; another reason to disconnect is ignored', () => {
    const disconnect = (payload: unknown) => ({ topic: 'client', event: 'disconnect', ref: null, payload })
    const rig = Rig.joined()
      .receive(disconnect({ reason: 'mood' }))
      .receive(disconnect(null))
    expect(rig.channel.state).toBe('joined')

    rig.receive(disconnect({ reason: 'token_expired' }))

    expect(rig.event('failed')?.failure).toEqual({ type: 'token-expired' })
    expect(isAuthenticationFailure(rig.event('failed')!.failure)).toBe(true)
  })

  test.each(['invalid_version', 'disabled', 'something else'])('the error %s is told to the owner', reason => {
    const rig = Rig.joined().push('x')
    const { ref } = rig.sent('x')[0]!

    rig.reply(ref, { status: 'error', response: { reason } })

    expect(rig.events).toEqual([{ type: 'reply', ref, error: reason }])
  })

  test('a good answer is told to the owner, that to a heartbeat is not', () => {
    const rig = Rig.joined()
      .reply(5, { status: 'ok', response: {} })
      .reply(6, { status: 'ok', response: {} }, 'phoenix')

    expect(rig.events).toEqual([{ type: 'reply', ref: 5, error: undefined }])
  })

  test.each<[string, unknown]>([
    [
      'an error reply without ref',
      { topic: 'client', event: 'phx_reply', ref: null, payload: { status: 'error', response: { reason: 'x' } } },
    ],
    ['a ref that is text', { topic: 'client', event: 'phx_reply', ref: '0', payload: { status: 'ok', response: {} } }],
    [
      'an error without reason',
      { topic: 'client', event: 'phx_reply', ref: 0, payload: { status: 'error', response: {} } },
    ],
    ['a reply that is none', { topic: 'client', event: 'phx_reply', ref: 0, payload: 5 }],
    ['a frame without topic', { event: 'init', payload: {} }],
    ['a list', []],
    ['a syntax error', '{"topic":x}'],
  ])('%s is ignored', (_, frame) => {
    const rig = Rig.joined().receive(frame)

    expect(rig.events).toEqual([])
    expect(rig.channel.state).toBe('joined')
  })

  test.each(['', ' ', '{"topic":"cli', '{"topic":"a\\"', '[1,'])('text that breaks off reconnects: %j', text => {
    expect(Rig.joined().receive(text).event('disconnected')?.reason).toMatch(/truncated/)
  })

  test('no text makes the channel throw', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), text => void Rig.joined().receive(text)))
  })

  test('no mutation of a good frame makes the channel throw', () => {
    const frame = '{"topic":"client","event":"phx_reply","ref":0,"payload":{"status":"ok","response":{}}}'
    const mutated = fc
      .tuple(fc.nat(frame.length), fc.nat(5), fc.string({ maxLength: 3 }))
      .map(([at, cut, text]) => frame.slice(0, at) + text + frame.slice(at + cut))
    fc.assert(fc.property(mutated, text => void new Rig().connect().open().receive(text)))
  })
})

describe('heartbeats', () => {
  test('are sent 30 s after the last message', () => {
    const rig = Rig.joined().advance(20_000).push('x').advance(29_999)
    expect(rig.sent('heartbeat')).toEqual([])

    rig.advance(1)

    expect(rig.sent('heartbeat')).toEqual([{ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: 2 }])
    expect(rig.event('heartbeat')).toBeDefined()
  })

  test('that are not answered until the next one is due reconnect', () => {
    const rig = Rig.joined().advance(60_000)

    expect(rig.event('disconnected')?.reason).toMatch(/heartbeat/)
  })

  test('count as answered when anything comes', () => {
    const rig = Rig.joined().advance(30_000).receive({ topic: 'client', event: 'x' }).advance(30_000)

    expect(rig.sent('heartbeat')).toHaveLength(2)
    expect(rig.channel.state).toBe('joined')
  })
})

describe('messages sent without a connection', () => {
  test('survive a reconnect with their refs and in their order', () => {
    const rig = Rig.joined().lose().push('a').push('b').open().lose().advance(1000).open().acceptJoin()

    expect(
      rig
        .sent()
        .filter(frame => frame.event !== 'phx_join')
        .map(frame => [frame.event, frame.ref]),
    ).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })

  test('are cleared away by the 34th', () => {
    const rig = new Rig()
    for (let i = 1; i <= 33; i++) rig.push(`m${i}`)
    rig.connect().open().acceptJoin()
    expect(rig.sent()).toHaveLength(34)

    rig.lose().take()
    for (let i = 1; i <= 34; i++) rig.push(`m${i}`)
    rig.open().acceptJoin()

    expect(rig.sent().map(frame => frame.event)).toEqual(['phx_join', 'm34'])
  })
})

describe('closing', () => {
  test('does the closing handshake and tells when it is done', () => {
    const rig = Rig.joined().close()
    expect(rig.transmits).toEqual([{ type: 'close', code: 1000 }])
    expect(rig.events).toEqual([])

    rig.input({ type: 'closed', code: 1000, reason: '' })

    expect(rig.events).toEqual([{ type: 'closed' }])
    expect(rig.channel.pollTimeout()).toBeUndefined()
  })

  test('waits no longer than 200 ms for the portal', () => {
    const rig = Rig.joined().close().advance(200)

    expect(rig.transmits.map(transmit => transmit.type)).toEqual(['close', 'drop'])
    expect(rig.events).toEqual([{ type: 'closed' }])
  })

  test('while connecting or waiting drops the attempt', () => {
    expect(new Rig().connect().close().transmits.at(-1)).toEqual({ type: 'drop' })
    const waiting = new Rig().connect().lose().lose().close().advance(100_000)
    expect(waiting.events.at(-1)).toEqual({ type: 'closed' })
    expect(waiting.channel.state).toBe('closed')
  })

  test('twice, or what is not open, is harmless', () => {
    expect(Rig.joined().close().close().transmits).toHaveLength(1)
    expect(new Rig().close().events).toEqual([])
  })

  test('leaves a channel that ignores what still comes', () => {
    const rig = Rig.joined().close().input({ type: 'closed', code: 1000, reason: '' })
    rig.take()

    rig.receive({ topic: 'client', event: 'init' }).lose().open().refuse(503)

    expect(rig.events).toEqual([])
    expect(rig.transmits).toEqual([])
  })

  test('by the portal reconnects', () => {
    const rig = Rig.joined().input({ type: 'closed', code: 1001, reason: 'deploy' })

    expect(rig.event('disconnected')?.reason).toBe('connection closed (1001 deploy)')
  })
})

test('a Ping is answered with its payload, a Pong with nothing', () => {
  const rig = Rig.joined()
    .input({ type: 'ping', payload: Uint8Array.of(1, 2) })
    .input({ type: 'ping', payload: new Uint8Array() })
    .input({ type: 'pong' })

  expect(rig.transmits).toEqual([
    { type: 'pong', payload: Uint8Array.of(1, 2) },
    { type: 'pong', payload: new Uint8Array() },
  ])
  expect(rig.channel.state).toBe('joined')
})

test('failures are described without secrets', () => {
  const failures: PhoenixFailure[] = [
    { type: 'refused', status: 401, body: 'Invalid token' },
    { type: 'refused', status: 422, body: '' },
    { type: 'login-failed', reason: 'unmatched topic' },
    { type: 'token-expired' },
    { type: 'certificate-invalid', reason: 'self-signed' },
    { type: 'retries-exhausted', reason: 'ECONNREFUSED' },
  ]

  expect(failures.map(describeFailure)).toEqual([
    'portal refused the connection with status 401: Invalid token',
    'portal refused the connection with status 422',
    'portal refused the login: unmatched topic',
    'token expired',
    'certificate of the portal is invalid: self-signed',
    'gave up reconnecting to the portal: ECONNREFUSED',
  ])
})

test('whatever happens, the next deadline is later than now', () => {
  const step = fc.oneof(
    fc.constant('connect'),
    fc.constant('opened'),
    fc.constant('join'),
    fc.constant('lose'),
    fc.constant('push'),
    fc.constant('close'),
    fc.constant('unmatched'),
    fc.constant('503'),
    fc.integer({ min: 1, max: 40_000 }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const channel = new PhoenixChannel({ topic: 't', joinPayload: {}, userAgent: 'u', random: seededRandom(3) })
      let now = 0 as Instant
      for (const step of steps) {
        if (step === 'connect') channel.connect(URL, now)
        else if (step === 'opened') channel.handleInput({ type: 'opened' }, now)
        else if (step === 'lose') channel.handleInput({ type: 'failed', reason: '', isCertificateInvalid: false }, now)
        else if (step === 'push') channel.push('x', {}, now)
        else if (step === 'close') channel.close(now)
        else if (step === '503')
          channel.handleInput({ type: 'refused', status: 503, retryAfter: millis(0), body: '' }, now)
        else if (typeof step === 'number') now = (now + step) as Instant
        else
          for (let ref = 0; ref < 10; ref++) {
            const payload =
              step === 'join'
                ? { status: 'ok', response: {} }
                : { status: 'error', response: { reason: 'unmatched topic' } }
            const text = JSON.stringify({ topic: 't', event: 'phx_reply', ref, payload })
            channel.handleInput({ type: 'frame', text }, now)
          }
        channel.handleTimeout(now)
        const next = channel.pollTimeout()
        if (next !== undefined) expect(next).toBeGreaterThan(now)
      }
    }),
  )
})

test('a Pong carries what the Ping carried, also when its Buffer is used again', () => {
  const { Buffer } = globalThis as unknown as { Buffer: { from(bytes: Uint8Array): Uint8Array } }
  const payload = Buffer.from(Uint8Array.of(1, 2))
  const rig = Rig.joined().input({ type: 'ping', payload })
  payload.fill(0)

  expect(rig.transmits).toEqual([{ type: 'pong', payload: Uint8Array.of(1, 2) }])
})
