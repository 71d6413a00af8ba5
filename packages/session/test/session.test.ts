import { portableCrypto } from '@sallyport/crypto'
import { PhoenixChannel, type PhoenixEvent } from '@sallyport/phoenix-channel'
import { type Instant, seededRandom, silentLogger, type WallClock } from '@sallyport/sans-io'
import type { ClientTunnel, ClientTunnelEvent } from '@sallyport/tunnel'
import { describe, expect, test } from 'vitest'
import { describeSessionFailure, needsSignIn, Session, type SessionEvent } from '../src/index.ts'

/** A session whose world writes down what is asked of it. */
class World {
  readonly calls: string[] = []
  readonly session: Session<string>
  now = 1000 as Instant
  flushed: Promise<boolean> = Promise.resolve(true)
  failsToRestore = false
  dnsAnswer: Uint8Array | undefined
  tunnelEvent!: (event: ClientTunnelEvent) => void
  channelEvent!: (event: PhoenixEvent) => void
  fatal!: (error: unknown) => void
  #key = 0

  constructor() {
    const call = (text: string): void => void this.calls.push(text)
    const tunnel = {
      handlePortalMessage: (message: { event: string }) => call(`message ${message.event}`),
      setDisabledResources: (ids: ReadonlySet<string>) => call(`disable ${[...ids]}`),
      reset: () => {
        this.#key++
        call('reset')
      },
      setSystemDns: (servers: readonly unknown[]) => call(`dns ${servers}`),
      handleDnsResponse: (id: number, message: Uint8Array | undefined) => call(`dns answer ${id} ${message}`),
      shutdown: () => call('goodbye'),
    }
    const channel = new PhoenixChannel({ topic: 'client', joinPayload: null, userAgent: 'u', random: seededRandom(1) })
    this.session = new Session<string>({
      tunnel: tunnel as unknown as ClientTunnel,
      channel,
      logger: silentLogger,
      loginUrl: () => `ws://portal/?key=${this.#key}`,
      ports: {
        now: () => this.now,
        wallClock: () => 0 as WallClock,
        random: seededRandom(1),
        crypto: portableCrypto,
        runChannel: (_, onEvent) => {
          this.channelEvent = onEvent
          return {
            connect: url => {
              channel.connect(url, this.now)
              call(`connect ${url}`)
            },
            push: (event, payload) => {
              call(`push ${event} ${JSON.stringify(payload)}`)
              return 0
            },
            close: () => call('close channel'),
            stop: () => call('stop channel'),
          }
        },
        runTunnel: (_, onEvent, onFatal) => {
          this.tunnelEvent = onEvent
          this.fatal = onFatal
          return {
            drain: () => call('drain'),
            setDevice: device => call(`device ${device}`),
            rebind: () => call('rebind'),
            flush: limit => {
              call(`flush ${limit}`)
              return this.flushed
            },
            close: async () => call('close tunnel'),
          }
        },
        queryDns: async (message, servers) => {
          call(`query ${message.length} ${servers}`)
          return this.dnsAnswer
        },
        restore: () => {
          call('restore')
          if (this.failsToRestore) throw new Error('no')
        },
      },
    })
  }

  take(): string[] {
    return this.calls.splice(0)
  }
}

test('DNS queries go out, their answers come back, and what stands for names is kept', async () => {
  const world = new World()
  world.dnsAnswer = Uint8Array.of(1, 2)
  world.take()
  world.tunnelEvent({ type: 'dns-query', query: { id: 7, message: new Uint8Array(3), servers: [] } })
  world.tunnelEvent({ type: 'dns-records-changed', records: [] })
  world.session.setSystemDns([])
  await Promise.resolve()
  await Promise.resolve()

  expect(world.take()).toEqual(['query 3 ', 'dns ', 'drain', 'dns answer 7 1,2', 'drain'])
  expect(world.session.dnsRecords).toEqual([])
})

const interfaceChanged = (searchDomain: string): ClientTunnelEvent =>
  ({ type: 'interface-changed', config: { searchDomain } }) as unknown as ClientTunnelEvent
const resourcesChanged = { type: 'resources-changed', resources: [] } as ClientTunnelEvent

async function collect(events: AsyncIterable<SessionEvent>): Promise<SessionEvent[]> {
  const all: SessionEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('a session', () => {
  test('connects at once and carries messages both ways', () => {
    const world = new World()
    expect(world.take()).toEqual(['connect ws://portal/?key=0'])

    world.channelEvent({ type: 'joined' })
    world.channelEvent({
      type: 'message',
      topic: 'client',
      event: 'resource_deleted',
      payload: '73037362-715d-4a83-a749-f18eadd970e6',
    })
    world.tunnelEvent({
      type: 'send-portal',
      message: { event: 'broadcast_ice_candidates', payload: { gateway_ids: [], candidates: ['c'] } },
    })

    expect(world.take()).toEqual([
      'message resource_deleted',
      'drain',
      'push broadcast_ice_candidates {"gateway_ids":[],"candidates":["c"]}',
    ])
  })

  test('ignores messages that make no sense', () => {
    const world = new World()
    world.take()

    world.channelEvent({ type: 'message', topic: 'client', event: 'resource_deleted', payload: 5 })
    world.channelEvent({ type: 'message', topic: 'client', event: 'from_the_future', payload: {} })
    world.channelEvent({ type: 'reply', ref: 1, error: 'disabled' })
    world.channelEvent({ type: 'heartbeat' })
    world.channelEvent({ type: 'disconnected', reason: 'x', retryAt: world.now })

    expect(world.take()).toEqual([])
  })

  test('uses what is left of an init with resources that make no sense', () => {
    const world = new World()
    world.take()
    const tunnel = { ipv4: '100.64.12.7', ipv6: 'fd00:2021:1111::c:7' }
    const resources = [{ type: 'cidr', id: 'x' }, { type: 'new' }]

    world.channelEvent({ type: 'message', topic: 'client', event: 'init', payload: { interface: tunnel, resources } })

    expect(world.take()).toEqual(['message init', 'drain'])
  })

  test('keeps only the latest list and configuration for a slow reader', async () => {
    const world = new World()
    world.tunnelEvent(interfaceChanged('first'))
    world.tunnelEvent(resourcesChanged)
    world.tunnelEvent(interfaceChanged('second'))

    expect((await world.session.events.next()).value).toBe(resourcesChanged)
    expect((await world.session.events.next()).value).toEqual(interfaceChanged('second'))
    const next = world.session.events.next()
    world.tunnelEvent(interfaceChanged('third'))
    expect((await next).value).toEqual(interfaceChanged('third'))
  })

  test('reset takes a new key, new sockets and a new connection', () => {
    const world = new World()
    world.take()

    world.session.reset('network changed')

    expect(world.take()).toEqual(['reset', 'drain', 'rebind', 'connect ws://portal/?key=1'])
  })

  test('asks for relays by connecting anew, but not again and again', () => {
    const world = new World()
    world.take()

    world.tunnelEvent({ type: 'relays-wanted' })
    world.tunnelEvent({ type: 'relays-wanted' })
    world.now = (world.now + 5000) as Instant
    world.tunnelEvent({ type: 'relays-wanted' })

    expect(world.take()).toEqual(['connect ws://portal/?key=0', 'connect ws://portal/?key=0'])
  })

  test('hands over the device and which resources are off', () => {
    const world = new World()
    world.take()

    world.session.setDevice('tun')
    world.session.setDisabledResources(new Set(['r' as never]))

    expect(world.take()).toEqual(['device tun', 'disable r', 'drain'])
  })
})

describe('stopping', () => {
  test('says goodbye, flushes, restores, closes tunnel and channel, in this order; only then the stream ends', async () => {
    const world = new World()
    let flushed = (_: boolean): void => {}
    world.flushed = new Promise(resolve => {
      flushed = resolve
    })
    let hasEnded = false
    const events = collect(world.session.events).then(all => {
      hasEnded = true
      return all
    })
    world.take()

    const stopped = world.session.stop()
    await settle()
    expect(world.take()).toEqual(['goodbye', 'drain', 'flush 1000'])
    flushed(true)
    await settle()
    expect(world.take()).toEqual(['restore', 'close tunnel', 'close channel'])
    expect(hasEnded).toBe(false)
    world.channelEvent({ type: 'closed' })
    await stopped

    expect(await events).toEqual([])
    expect(world.take()).toEqual(['stop channel'])
  })

  test('twice is stopping once, and commands behind it do nothing', async () => {
    const world = new World()
    const both = [world.session.stop(), world.session[Symbol.asyncDispose]()]
    await settle()
    world.channelEvent({ type: 'closed' })
    await Promise.all(both)
    world.take()

    world.session.reset('x')
    world.session.setDevice('tun')
    world.session.setDisabledResources(new Set())
    world.tunnelEvent(resourcesChanged)
    world.tunnelEvent({ type: 'relays-wanted' })

    expect(world.take()).toEqual([])
    expect((await world.session.events.next()).done).toBe(true)
  })

  test('goes on when a step fails', async () => {
    const world = new World()
    world.failsToRestore = true
    const stopped = world.session.stop()
    await settle()
    world.channelEvent({ type: 'closed' })

    await stopped

    expect(world.take().slice(-3)).toEqual(['close tunnel', 'close channel', 'stop channel'])
  })

  test('tells when goodbyes could not be sent in time', async () => {
    const world = new World()
    world.flushed = Promise.resolve(false)
    const stopped = world.session.stop()
    await settle()
    world.channelEvent({ type: 'closed' })
    await stopped

    expect(await collect(world.session.events)).toEqual([{ type: 'disconnected', failure: { type: 'flush-timeout' } }])
  })

  test('happens when a reader leaves its loop, which waits for it', async () => {
    const world = new World()
    world.tunnelEvent(resourcesChanged)
    world.take()
    const left = (async () => {
      for await (const event of world.session.events) if (event.type === 'resources-changed') break
      return world.calls.at(-1)
    })()
    await settle()
    world.channelEvent({ type: 'closed' })

    expect(await left).toBe('stop channel')
  })
})

describe('a failure', () => {
  test('of the portal ends the session, is told once and closes no channel', async () => {
    const world = new World()
    world.session.events // nobody reads yet

    world.channelEvent({ type: 'failed', failure: { type: 'token-expired' } })
    world.fatal(new Error('later'))
    const events = collect(world.session.events)
    await settle()
    world.channelEvent({ type: 'closed' })

    expect(await events).toEqual([
      { type: 'disconnected', failure: { type: 'portal', failure: { type: 'token-expired' } } },
    ])
    expect(world.take()).toContain('goodbye')
  })

  test('of the tunnel ends the session', async () => {
    const world = new World()
    const events = collect(world.session.events)

    world.fatal(new Error('no sockets'))
    await settle()
    world.channelEvent({ type: 'closed' })

    expect((await events).map(event => event.type === 'disconnected' && describeSessionFailure(event.failure))).toEqual(
      ['no sockets'],
    )
  })

  test('is described, and says whether to sign in again', () => {
    expect(describeSessionFailure({ type: 'flush-timeout' })).toMatch(/goodbyes/)
    expect(describeSessionFailure({ type: 'tunnel', error: 'odd' })).toBe('odd')
    const portal = { type: 'portal', failure: { type: 'refused', status: 401, body: 'Invalid token' } } as const
    expect(describeSessionFailure(portal)).toMatch(/401: Invalid token/)
    expect(needsSignIn(portal)).toBe(true)
    expect(needsSignIn({ type: 'flush-timeout' })).toBe(false)
  })
})

/** Lets promises that are ready come to their end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
