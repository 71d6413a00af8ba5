import { DomainName } from '@sallyport/dns-message'
import { PhoenixChannel, type PhoenixEvent } from '@sallyport/phoenix-channel'
import { type Instant, seededRandom, silentLogger } from '@sallyport/sans-io'
import type { GatewayTunnel, GatewayTunnelEvent, ResolveRequest } from '@sallyport/tunnel'
import { describe, expect, test } from 'vitest'
import { Gateway } from '../src/gateway.ts'

/** A gateway whose world writes down what is asked of it. */
class World {
  readonly calls: string[] = []
  readonly gateway: Gateway
  now = 1000 as Instant
  flushes = true
  refusesConfig = false
  tunnelEvent!: (event: GatewayTunnelEvent) => void
  channelEvent!: (event: PhoenixEvent) => void

  constructor() {
    const call = (text: string): void => void this.calls.push(text)
    const channel = new PhoenixChannel({ topic: 'gateway', joinPayload: null, userAgent: 'u', random: seededRandom(1) })
    this.gateway = new Gateway({
      tunnel: {
        handlePortalMessage: (message: { event: string }) => call(`message ${message.event}`),
        relocate: () => call('relocate'),
        handleDomainResolved: (_: unknown, addresses: unknown) => call(`resolved ${addresses}`),
        shutdown: () => call('goodbye'),
      } as unknown as GatewayTunnel,
      channel,
      logger: silentLogger,
      loginUrl: 'ws://portal/',
      ports: {
        now: () => this.now,
        runChannel: (_, onEvent) => {
          this.channelEvent = onEvent
          return {
            connect: url => {
              channel.connect(url, this.now)
              call(`connect ${url}`)
            },
            push: event => {
              call(`push ${event}`)
              return 0
            },
            close: () => call('close channel'),
            stop: () => call('stop channel'),
          }
        },
        runTunnel: onEvent => {
          this.tunnelEvent = onEvent
          return {
            drain: () => call('drain'),
            flush: async limit => {
              call(`flush ${limit}`)
              return this.flushes
            },
          }
        },
        resolve: async name => {
          call(`resolve ${name}`)
          return undefined
        },
        configure: () => {
          call('configure')
          if (this.refusesConfig) throw new Error('EPERM')
        },
      },
    })
  }

  rejectAccess(): void {
    const id = '73037362-715d-4a83-a749-f18eadd970e6'
    const payload = { client_id: id, resource_id: id }
    this.channelEvent({ type: 'message', topic: 'gateway', event: 'reject_access', payload })
  }

  take(): string[] {
    return this.calls.splice(0)
  }
}

const interfaceChanged = { type: 'interface-changed', config: {} } as GatewayTunnelEvent

describe('a gateway', () => {
  test('resolves the names that clients use', async () => {
    const world = new World()
    world.take()
    const request = { domain: DomainName.of('git.example.com') } as ResolveRequest
    world.tunnelEvent({ type: 'resolve-domain', request })
    await new Promise(resolve => setImmediate(resolve))

    expect(world.take()).toEqual(['resolve git.example.com', 'resolved undefined', 'drain'])
  })

  test('connects at once and carries messages both ways', () => {
    const world = new World()
    world.channelEvent({ type: 'joined' })
    world.rejectAccess()
    world.channelEvent({ type: 'message', topic: 'gateway', event: 'nonsense', payload: {} })
    world.channelEvent({ type: 'reply', ref: 1, error: 'invalid_ref' })
    world.channelEvent({ type: 'heartbeat' })
    world.channelEvent({ type: 'disconnected', reason: 'x', retryAt: world.now })
    world.tunnelEvent({ type: 'send-portal', message: { event: 'flow_authorized', payload: { ref: 'r' } } })

    expect(world.take()).toEqual(['connect ws://portal/', 'message reject_access', 'drain', 'push flow_authorized'])
  })

  test('asks for relays by connecting anew, but not again and again', () => {
    const world = new World()
    world.take()

    world.tunnelEvent({ type: 'relays-wanted' })
    world.tunnelEvent({ type: 'relays-wanted' })
    world.now = (world.now + 5000) as Instant
    world.tunnelEvent({ type: 'relays-wanted' })

    expect(world.take()).toEqual(['connect ws://portal/', 'connect ws://portal/'])
  })

  test('keeps its connections when the network changes, and joins the portal from there', () => {
    const world = new World()
    world.take()

    world.gateway.relocate()
    expect(world.take()).toEqual(['relocate', 'drain', 'connect ws://portal/'])

    world.gateway.stop()
    world.take()
    world.gateway.relocate()
    expect(world.take()).toEqual([])
  })

  test('closes the channel before it says goodbye, so that the portal sends nobody here any more', async () => {
    const world = new World()
    world.take()

    world.gateway.stop()
    world.gateway.stop()
    await settle()
    expect(world.take()).toEqual(['close channel'])
    world.rejectAccess()
    world.tunnelEvent(interfaceChanged)
    world.tunnelEvent({ type: 'relays-wanted' })
    expect(world.take()).toEqual([])
    world.channelEvent({ type: 'closed' })
    await world.gateway.done

    expect(world.take()).toEqual(['stop channel', 'goodbye', 'drain', 'flush 1000'])
  })

  test('fails when goodbyes can not be sent in time', async () => {
    const world = new World()
    world.flushes = false
    world.gateway.stop()
    world.channelEvent({ type: 'closed' })

    await expect(world.gateway.done).rejects.toThrow(/goodbyes/)
  })

  test('that the portal does not want says goodbye and fails', async () => {
    const world = new World()

    world.channelEvent({ type: 'failed', failure: { type: 'token-expired' } })
    await settle()
    world.channelEvent({ type: 'closed' })

    await expect(world.gateway.done).rejects.toThrow(/token expired/)
    expect(world.take()).toContain('goodbye')
  })

  test('sets its device up again and again, and fails when that can not be', async () => {
    const world = new World()
    world.take()
    world.tunnelEvent(interfaceChanged)
    world.tunnelEvent(interfaceChanged)
    expect(world.take()).toEqual(['configure', 'configure'])

    world.refusesConfig = true
    world.tunnelEvent(interfaceChanged)
    await settle()
    world.channelEvent({ type: 'closed' })

    await expect(world.gateway.done).rejects.toMatchObject({ code: 'OPERATOR', cause: new Error('EPERM') })
  })

  test('tells of connections', () => {
    const world = new World()
    world.tunnelEvent({ type: 'connection-state', client: 'c' as never, state: 'connected' })

    expect(world.take()).toEqual(['connect ws://portal/'])
  })
})

/** Lets promises that are ready come to their end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
