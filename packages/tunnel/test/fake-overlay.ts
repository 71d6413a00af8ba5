import { TrainCutter } from '@sallyport/ip-packet'
import type { Instant, PacketBuffer, Transmit } from '@sallyport/sans-io'
import { type ConnectionId, type ConnectionOptions, type NodeEvent, NoRelayError } from '@sallyport/snownet'
import type { Overlay } from '../src/index.ts'

/** What was asked of a {@link FakeOverlay}, in order. */
export type Call =
  | { readonly type: 'upsert'; readonly id: string; readonly peer: ConnectionOptions }
  | { readonly type: 'candidate' | 'candidate-removed'; readonly id: string; readonly candidate: string }
  | { readonly type: 'relays'; readonly removed: readonly string[]; readonly added: readonly string[] }
  | { readonly type: 'send'; readonly id: string; readonly packet: Uint8Array }
  | { readonly type: 'goodbye'; readonly id: string; readonly packet: Uint8Array }
  | { readonly type: 'remove'; readonly id: string }
  | { readonly type: 'reset' | 'relocate' | 'repeat-candidates' }

/** An overlay without a network: it writes down what it is asked, and "encrypts" by putting a handle in front. */
export class FakeOverlay implements Overlay {
  readonly publicKey: Uint8Array = new Uint8Array(32)
  readonly calls: Call[] = []
  readonly events: NodeEvent[] = []
  hasRelays = true
  /** How many datagrams it was given. */
  received = 0
  readonly #handles: string[] = []
  readonly #cutter = new TrainCutter()
  #connections = new Set<string>()

  updateRelays(remove: ReadonlySet<string>, add: readonly { readonly id: string }[]): void {
    this.calls.push({ type: 'relays', removed: [...remove], added: add.map(({ id }) => id) })
  }

  upsertConnection(id: ConnectionId, peer: ConnectionOptions): void {
    if (!this.hasRelays) throw new NoRelayError(id)
    this.calls.push({ type: 'upsert', id, peer })
    if (!this.#handles.includes(id)) this.#handles.push(id)
    this.#connections.add(id)
  }

  addRemoteCandidate(id: ConnectionId, candidate: string): void {
    this.calls.push({ type: 'candidate', id, candidate })
  }

  removeRemoteCandidate(id: ConnectionId, candidate: string): void {
    this.calls.push({ type: 'candidate-removed', id, candidate })
  }

  removeConnection(id: ConnectionId): void {
    this.calls.push({ type: 'remove', id })
    this.#connections.delete(id)
  }

  closeConnection(id: ConnectionId, packet: Uint8Array): void {
    if (!this.#connections.delete(id)) return
    this.calls.push({ type: 'goodbye', id, packet })
    this.events.push({ type: 'connection-closed', connection: id })
  }

  closeAll(goodbye: Uint8Array): void {
    for (const id of this.#connections) this.closeConnection(id as ConnectionId, goodbye)
  }

  repeatCandidates(): void {
    this.calls.push({ type: 'repeat-candidates' })
  }

  relocate(): void {
    this.calls.push({ type: 'relocate' })
  }

  reset(): void {
    this.calls.push({ type: 'reset' })
    for (const id of this.#connections) this.events.push({ type: 'connection-closed', connection: id as ConnectionId })
    this.#connections = new Set()
  }

  handleOf(id: ConnectionId): number {
    return this.#connections.has(id) ? this.#handles.indexOf(id) : -1
  }

  encapsulate(handle: number, trains: PacketBuffer, index: number, datagrams: PacketBuffer): void {
    const { offset, length, segmentSize, flags } = trains
    this.#cutter.begin(trains.arena, offset[index]!, length[index]!, segmentSize[index]!, flags[index]!)
    while (this.#cutter.next()) {
      const { segmentOffset, segmentLength } = this.#cutter
      const packet = trains.arena.bytes.subarray(segmentOffset, segmentOffset + segmentLength)
      datagrams.appendCopy(Uint8Array.of(handle, ...packet))
    }
  }

  sendPacket(id: ConnectionId, packet: Uint8Array): boolean {
    this.calls.push({ type: 'send', id, packet })
    return true
  }

  decapsulate(datagrams: PacketBuffer, packets: PacketBuffer): void {
    this.received += datagrams.count
    for (let i = 0; i < datagrams.count; i++) {
      const bytes = datagrams.bytesOf(i)
      const index = packets.appendCopy(bytes.subarray(1))
      packets.peer[index] = bytes[0]!
      packets.ecn[index] = datagrams.ecn[i]!
    }
  }

  handleTimeout(_: Instant): void {}

  pollTransmit(): Transmit | undefined {
    return undefined
  }

  pollEvent(): NodeEvent | undefined {
    return this.events.shift()
  }

  pollTimeout(): Instant | undefined {
    return undefined
  }

  /** Forgets and returns the calls of one kind. */
  take<Type extends Call['type']>(type: Type): Extract<Call, { type: Type }>[] {
    const taken = this.calls.filter((call): call is Extract<Call, { type: Type }> => call.type === type)
    this.calls.splice(0, this.calls.length, ...this.calls.filter(call => call.type !== type))
    return taken
  }
}
