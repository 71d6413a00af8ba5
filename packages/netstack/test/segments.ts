import { makeTcpPacket, PacketHeader, TCP_ACK, TCP_SYN } from '@sallyport/ip-packet'
import { type Instant, type SocketAddress, viewOf } from '@sallyport/sans-io'
import type { NetStack } from '../src/net-stack.ts'
import { addresses } from './wire.ts'

/** A segment as a test reads and writes it. */
export interface Segment {
  readonly flags: number
  readonly sequence: number
  readonly acknowledgement: number
  readonly window: number
  readonly payload: Uint8Array
}

/** A peer without any TCP of its own: it says what it's told to, and hands over what it hears. */
export class ScriptedPeer {
  readonly #stack: NetStack
  readonly #ours: SocketAddress
  readonly #theirs: SocketAddress
  now = 1000 as Instant

  /** Speaks from Alice's address to a stack at Bob's. */
  constructor(stack: NetStack, [ours, theirs]: readonly [SocketAddress, SocketAddress] = addresses()) {
    this.#stack = stack
    this.#ours = ours
    this.#theirs = theirs
  }

  /** Sends a segment and returns what it brings about. */
  send(segment: Partial<Segment> & { readonly options?: Uint8Array }): Segment[] {
    this.#stack.handleInput(
      makeTcpPacket({
        source: this.#ours.ip,
        sourcePort: this.#ours.port,
        destination: this.#theirs.ip,
        destinationPort: this.#theirs.port,
        ...segment,
      }),
      this.now,
    )
    return this.heard()
  }

  /** Lets `ms` pass, firing what falls due, and returns what the stack sends. */
  pass(ms: number): Segment[] {
    const until = (this.now + ms) as Instant
    for (let at = this.#stack.pollTimeout(); at !== undefined && at <= until; at = this.#stack.pollTimeout()) {
      this.now = at
      this.#stack.handleTimeout(at)
    }
    this.now = until
    return this.heard()
  }

  /** Takes what the stack has sent. */
  heard(): Segment[] {
    const segments: Segment[] = []
    for (let packet = this.#stack.pollTransmit(); packet !== undefined; packet = this.#stack.pollTransmit()) {
      const header = new PacketHeader()
      if (header.parse(packet, 0, packet.length) !== undefined) throw new Error('the stack has sent no packet')
      const view = viewOf(packet)
      const at = header.transportOffset
      segments.push({
        flags: header.tcpFlags,
        sequence: view.getUint32(at + 4),
        acknowledgement: view.getUint32(at + 8),
        window: view.getUint16(at + 14),
        payload: packet.subarray(header.payloadOffset),
      })
    }
    return segments
  }

  /** Shakes hands with a listener, its own initial sequence number being 1000; returns the listener's. */
  open(window = 0xffff): number {
    const [answer] = this.send({ flags: TCP_SYN, sequence: 1000 })
    this.send({ flags: TCP_ACK, sequence: 1001, acknowledgement: answer!.sequence + 1, window })
    return answer!.sequence
  }
}
