import { createArena } from '@sallyport/io-node'
import { PacketBuffer } from '@sallyport/sans-io'
import { CHANNEL_DATA_HEADER_LENGTH, writeChannelDataHeader } from '@sallyport/stun'
import type { Routes } from './routes.ts'

/** What happened in one {@link Traffic.run}. */
export interface TrafficResult {
  readonly sent: number
  readonly received: number
  /** Seconds that sending took. */
  readonly elapsed: number
}

/** How {@link Traffic} looks. */
export interface TrafficOptions {
  readonly payload: number
  readonly isBackward: boolean
  readonly trains: boolean
}

/**
 * Datagrams through a relay at a given rate, in bursts that take the routes in turn.
 *
 * It blocks while it runs: nothing else has to happen in this process, and a timer of the event loop is too coarse.
 */
export class Traffic {
  readonly #routes: Routes
  readonly #options: TrafficOptions
  readonly #burst: PacketBuffer
  readonly #received: PacketBuffer
  #next = 0

  constructor(routes: Routes, options: TrafficOptions) {
    this.#routes = routes
    this.#options = options
    const stride = 2048
    const arena = createArena(BURST * stride + RECEIVE_ROOM)
    this.#burst = new PacketBuffer(arena, { start: 0, capacity: BURST, stride, headroom: CHANNEL_DATA_HEADER_LENGTH })
    this.#received = new PacketBuffer(arena, {
      start: BURST * stride,
      capacity: 4,
      stride: RECEIVE_ROOM / 4,
      headroom: 0,
    })
  }

  /**
   * Sends `rate` datagrams per second for a time, and counts what arrives within it or soon after.
   *
   * @param meanwhile - Called again and again, with the milliseconds since the start.
   */
  run(rate: number, seconds: number, meanwhile: (elapsedMs: number) => void = () => {}): TrafficResult {
    this.#settle()
    const start = performance.now()
    const end = start + seconds * 1000
    let sent = 0
    let received = 0
    for (let now = start; now < end; now = performance.now()) {
      const due = (rate * (now - start)) / 1000 - sent
      if (due >= BURST) {
        this.#send()
        sent += BURST
      }
      meanwhile(now - start)
      received += this.#receive()
      if (due < BURST) Atomics.wait(PAUSE, 0, 0, Math.min(0.3, ((BURST - due) / rate) * 1000))
    }
    const elapsed = (performance.now() - start) / 1000
    for (const late = performance.now() + LATE_MS; performance.now() < late; Atomics.wait(PAUSE, 0, 0, 0.3))
      received += this.#receive()
    return { sent, received, elapsed }
  }

  /** Waits until nothing arrives any more of what was sent before. */
  #settle(): void {
    for (let quiet = performance.now() + LATE_MS; performance.now() < quiet; Atomics.wait(PAUSE, 0, 0, 0.3))
      if (this.#receive() > 0) quiet = performance.now() + LATE_MS
  }

  #send(): void {
    const { payload, isBackward, trains } = this.#options
    const { all, peer } = this.#routes
    const burst = this.#burst
    burst.clear()
    const isOne = all.length === 1
    for (let i = 0; i < BURST; i++) {
      const route = all[this.#next]!
      this.#next = (this.#next + 1) % all.length
      const slot = burst.slot(i)
      if (isBackward) {
        burst.remote[burst.append(slot, payload)] = route.relayed
      } else {
        writeChannelDataHeader(burst.arena.bytes, slot - CHANNEL_DATA_HEADER_LENGTH, route.channel, payload)
        burst.remote[burst.append(slot - CHANNEL_DATA_HEADER_LENGTH, payload + CHANNEL_DATA_HEADER_LENGTH)] =
          route.server
      }
      if (!isBackward && !isOne) route.socket.send(burst, i, i + 1)
    }
    if (!isBackward && !isOne) return
    const socket = isBackward ? peer : all[0]!.socket
    if (trains) socket.send(burst)
    else for (let i = 0; i < BURST; i++) socket.send(burst, i, i + 1)
  }

  /** Receives what waits, up to a limit, and returns how many datagrams it was. */
  #receive(): number {
    const buffer = this.#received
    const socket = this.#options.isBackward ? this.#routes.all[0]!.socket : this.#routes.peer
    const length = this.#options.payload + (this.#options.isBackward ? CHANNEL_DATA_HEADER_LENGTH : 0)
    let count = 0
    for (let reads = 0; reads < MAX_READS; reads++) {
      buffer.clear()
      if (!socket.receive(buffer) || buffer.count === 0) break
      const size = buffer.segmentSize[0]! || buffer.length[0]!
      if (size === length) count += buffer.length[0]! / size
    }
    return count
  }
}

/** Datagrams that are sent at a time: about what a TCP stream hands to a tunnel in one piece. */
const BURST = 32

/** Reads between two bursts. */
const MAX_READS = 64

/** How long after the last one was sent a datagram still counts. */
const LATE_MS = 20

const RECEIVE_ROOM = 512 * 1024
const PAUSE = new Int32Array(new SharedArrayBuffer(4))
