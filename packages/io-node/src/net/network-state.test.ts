import { describe, expect, test } from 'vitest'
import { hasMoved, isOnline, mayMatter, type NetworkState, networkStateOf } from './network-state.ts'
import { type Link, type LinkAddress, type Route, RTM_NEWLINK } from './route-messages.ts'

const ETH0 = 2
const DOCKER0 = 3
const TUN = 4
const OWN = { interface: TUN, table: 77 }

const link = (index: number, isRunning = true): Link => ({ index, isLoopback: false, isRunning })
const address = (index: number, text: string, more: Partial<LinkAddress> = {}): LinkAddress => ({
  index,
  address: text,
  isGlobal: true,
  isPassing: false,
  isDeprecated: false,
  ...more,
})
const defaultRoute = (index: number, router: string, more: Partial<Route> = {}): Route => ({
  family: 4,
  table: 254,
  isDefault: true,
  hops: [{ index, router }],
  ...more,
})

const LINKS = [{ index: 1, isLoopback: true, isRunning: true }, link(ETH0), link(DOCKER0), link(TUN)]
const HOME = address(ETH0, 'c0a80002')
const ROUTER = defaultRoute(ETH0, 'c0a80001')

const state = (addresses: LinkAddress[], routes: Route[] = [ROUTER], links: Link[] = LINKS): NetworkState =>
  networkStateOf({ links, addresses, routes }, OWN)

describe('a network has changed', () => {
  test('when the address has', () => {
    expect(hasMoved(state([HOME]), state([address(ETH0, 'c0a80003')]))).toBe(true)
  })

  test('when the router has', () => {
    expect(hasMoved(state([HOME]), state([HOME], [defaultRoute(ETH0, 'c0a800fe')]))).toBe(true)
  })

  test('when there is another way out', () => {
    const wifi = defaultRoute(DOCKER0, '0a000001')
    expect(hasMoved(state([HOME]), state([HOME, address(DOCKER0, '0a000002')], [ROUTER, wifi]))).toBe(true)
  })

  test('when a route through a router appears, where there is no default route', () => {
    const route = defaultRoute(ETH0, 'c0a80001', { isDefault: false })
    expect(isOnline(state([HOME], []))).toBe(false)
    expect(isOnline(state([HOME], [route]))).toBe(true)
  })

  test('when one of several next hops has', () => {
    const two = defaultRoute(ETH0, 'c0a80001', {
      hops: [
        { index: ETH0, router: 'c0a80001' },
        { index: ETH0, router: 'c0a80009' },
      ],
    })
    expect(hasMoved(state([HOME], [two]), state([HOME]))).toBe(true)
  })

  test('when an address is replaced and the old one deprecated', () => {
    const moved = state([address(ETH0, 'c0a80002', { isDeprecated: true }), address(ETH0, 'c0a80003')])
    expect(hasMoved(state([HOME]), moved)).toBe(true)
  })
})

describe('a network has not changed', () => {
  test('when an address is deprecated, preferred again, or goes after it was deprecated', () => {
    const second = address(ETH0, 'c0a80003')
    const deprecated = state([HOME, address(ETH0, 'c0a80003', { isDeprecated: true })])

    expect(hasMoved(state([HOME, second]), deprecated)).toBe(false)
    expect(hasMoved(deprecated, state([HOME, second]))).toBe(false)
    expect(hasMoved(deprecated, state([HOME]))).toBe(false)
  })

  test('when temporary and link-local addresses come and go', () => {
    const more = [address(ETH0, 'a', { isPassing: true }), address(ETH0, 'b', { isGlobal: false })]
    expect(hasMoved(state([HOME]), state([HOME, ...more]))).toBe(false)
  })

  test('when a bridge for containers gets an address, or a route without a router', () => {
    const bridge = defaultRoute(DOCKER0, '', { isDefault: false })
    expect(hasMoved(state([HOME]), state([HOME, address(DOCKER0, 'ac110001')], [ROUTER, bridge]))).toBe(false)
  })

  test('when our own tunnel takes everything', () => {
    const own = [defaultRoute(TUN, ''), defaultRoute(ETH0, 'c0a80009', { table: OWN.table })]
    expect(hasMoved(state([HOME]), state([HOME, address(TUN, '64400001')], [ROUTER, ...own]))).toBe(false)
  })
})

test('a cable that is pulled leaves no way out', () => {
  expect(isOnline(state([HOME], [ROUTER], [link(ETH0, false)]))).toBe(false)
  expect(isOnline(state([], [ROUTER]))).toBe(false)
})

test('messages of other kinds and of no kind do not matter', () => {
  expect(mayMatter({ type: 99, body: new Uint8Array(64) }, OWN)).toBe(false)
  expect(mayMatter({ type: RTM_NEWLINK, body: new Uint8Array(3) }, OWN)).toBe(false)
  for (const type of [20, 24]) expect(mayMatter({ type, body: new Uint8Array(64) }, OWN)).toBe(false)
})

test('messages about our own device do not matter, those about others do', () => {
  const body = (index: number): Uint8Array => {
    const bytes = new Uint8Array(16)
    new DataView(bytes.buffer).setInt32(4, index, true)
    return bytes
  }
  expect(mayMatter({ type: RTM_NEWLINK, body: body(TUN) }, OWN)).toBe(false)
  expect(mayMatter({ type: RTM_NEWLINK, body: body(ETH0) }, OWN)).toBe(true)
})
