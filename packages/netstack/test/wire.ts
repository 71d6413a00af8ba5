import { type Instant, IpAddress, type Random, randomBelow, SocketAddress, seededRandom } from '@sallyport/sans-io'
import { NetStack, type NetStackEvent, type NetStackOptions } from '../src/net-stack.ts'
import type { TcpSocket } from '../src/tcp-socket.ts'

/** What a {@link Wire} does to packets; each share from 0 to 1. */
export interface WireFaults {
  readonly loss?: number
  readonly duplication?: number
  /** Share of packets that are delayed by up to 50 ms, so that others overtake them. */
  readonly reordering?: number
}

/** Two stacks and an imaginary wire between them; time jumps to whatever comes next. */
export class Wire {
  readonly alice: NetStack
  readonly bob: NetStack
  now = 1000 as Instant
  /** Called for each event, at once. */
  onEvent: (event: NetStackEvent, whose: 'alice' | 'bob') => void = () => {}
  /** Called for each packet; answers whether it is let through. */
  onPacket: (packet: Uint8Array, from: 'alice' | 'bob') => boolean = () => true
  readonly #random: Random
  readonly #faults: WireFaults
  readonly #underWay: { at: number; to: NetStack; packet: Uint8Array }[] = []
  /** Packets lost in a row: the wire is lossy, not cut. */
  readonly #lost = { alice: 0, bob: 0 }

  constructor(
    options: Partial<Record<'alice' | 'bob', Partial<NetStackOptions>>> = {},
    { seed = 1, ...faults }: WireFaults & { seed?: number } = {},
  ) {
    this.#random = seededRandom(seed)
    this.#faults = faults
    this.alice = new NetStack({ random: this.#random, ...options.alice })
    this.bob = new NetStack({ random: this.#random, ...options.bob })
  }

  /** Delivers everything that is due, and what that brings about. */
  deliver(): void {
    for (let busy = true; busy; ) {
      busy = this.#take('alice') || this.#take('bob')
      this.#underWay.sort((a, b) => a.at - b.at)
      while (this.#underWay.length > 0 && this.#underWay[0]!.at <= this.now) {
        const { to, packet } = this.#underWay.shift()!
        to.handleInput(packet, this.now)
        busy = true
      }
    }
  }

  /** Delivers until both are quiet, then jumps to the next deadline, if there is one until `until`. */
  step(until: number = Number.POSITIVE_INFINITY): boolean {
    this.deliver()
    const deadlines = [this.alice.pollTimeout(), this.bob.pollTimeout(), this.#underWay[0]?.at]
    const next = Math.min(...deadlines.filter(at => at !== undefined))
    if (next > until || next === Number.POSITIVE_INFINITY) return false
    this.now = Math.max(this.now, next) as Instant
    this.alice.handleTimeout(this.now)
    this.bob.handleTimeout(this.now)
    return true
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const until = this.now + ms
    while (this.step(until));
    this.now = until as Instant
  }

  /** Lets time pass until `isDone`, or for an hour at most. Returns whether it is. */
  runUntil(isDone: () => boolean): boolean {
    const until = this.now + 3_600_000
    while (!isDone()) if (!this.step(until)) return isDone()
    return true
  }

  /** Bob listens and Alice connects; returns both ends. */
  connect(family: 4 | 6 = 4): { readonly alice: TcpSocket; readonly bob: TcpSocket } {
    const [from, to] = addresses(family)
    let accepted: TcpSocket | undefined
    const heard = this.onEvent
    this.onEvent = (event, whose) => {
      if (event.type === 'accepted') accepted = event.socket
      heard(event, whose)
    }
    this.bob.listenTcp(to)
    const alice = this.alice.connectTcp(from, to, this.now)
    if (!this.runUntil(() => accepted !== undefined && alice.state === 'established')) throw new Error('no connection')
    this.onEvent = heard
    return { alice, bob: accepted! }
  }

  #take(whose: 'alice' | 'bob'): boolean {
    const stack = this[whose]
    const other = whose === 'alice' ? this.bob : this.alice
    let any = false
    for (let event = stack.pollEvent(); event !== undefined; event = stack.pollEvent()) {
      any = true
      this.onEvent(event, whose)
    }
    for (let packet = stack.pollTransmit(); packet !== undefined; packet = stack.pollTransmit()) {
      any = true
      if (!this.onPacket(packet, whose)) continue
      if (this.#happens(this.#faults.loss) && this.#lost[whose] < 3) {
        this.#lost[whose]++
        continue
      }
      this.#lost[whose] = 0
      const copies = this.#happens(this.#faults.duplication) ? 2 : 1
      for (let i = 0; i < copies; i++) {
        const delay = this.#happens(this.#faults.reordering) ? randomBelow(this.#random, 50) : LATENCY
        this.#underWay.push({ at: this.now + delay, to: other, packet })
      }
    }
    return any
  }

  #happens(share = 0): boolean {
    return share > 0 && randomBelow(this.#random, 1000) < share * 1000
  }
}

/** Returns Alice's and Bob's addresses. */
export function addresses(family: 4 | 6 = 4): [SocketAddress, SocketAddress] {
  const [alice, bob] = family === 4 ? ['100.64.0.1', '100.64.0.2'] : ['fd00::1', 'fd00::2']
  return [new SocketAddress(IpAddress.of(alice!), 40_000), new SocketAddress(IpAddress.of(bob!), 53)]
}

const LATENCY = 5
