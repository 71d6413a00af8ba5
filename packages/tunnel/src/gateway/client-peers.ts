import { IpPrefix, PrefixTable } from '@sallyport/ip-packet'
import type { ClientId, TunnelAddresses } from '@sallyport/portal-protocol'
import type { IpFamily } from '@sallyport/sans-io'
import { ClientPeer } from './client-peer.ts'

/** The clients that are let in, by id, by tunnel address and by handle. */
export class ClientPeers {
  readonly #byId = new Map<ClientId, ClientPeer>()
  readonly #byAddress = new PrefixTable<ClientPeer>()
  readonly #byHandle: (ClientPeer | undefined)[] = []

  /** How many clients there are. */
  get size(): number {
    return this.#byId.size
  }

  /** Returns the client of that id with these addresses, made if need be; of two that claim one address the later has it. */
  upsert(id: ClientId, addresses: TunnelAddresses): ClientPeer {
    let peer = this.#byId.get(id)
    if (peer === undefined) this.#byId.set(id, (peer = new ClientPeer(id, addresses)))
    this.#unindex(peer)
    peer.addresses = addresses
    this.#byAddress.set(IpPrefix.host(addresses.ipv4), peer)
    this.#byAddress.set(IpPrefix.host(addresses.ipv6), peer)
    return peer
  }

  /** Notes what stands for a client's connection; -1: it has none any more. */
  setHandle(peer: ClientPeer, handle: number): void {
    if (this.#byHandle[peer.handle] === peer) this.#byHandle[peer.handle] = undefined
    peer.handle = handle
    if (handle >= 0) this.#byHandle[handle] = peer
  }

  /** Forgets a client. */
  remove(peer: ClientPeer): void {
    this.setHandle(peer, -1)
    this.#unindex(peer)
    this.#byId.delete(peer.id)
  }

  /** Forgets all clients. */
  clear(): void {
    for (const peer of [...this.#byId.values()]) this.remove(peer)
  }

  /** Returns the client of that id. */
  get(id: ClientId): ClientPeer | undefined {
    return this.#byId.get(id)
  }

  /** Returns the client whose connection has that handle. */
  byHandle(handle: number): ClientPeer | undefined {
    return this.#byHandle[handle]
  }

  /** Returns the client that has the tunnel address whose bytes begin at `offset`. */
  byAddress(bytes: Uint8Array, offset: number, family: IpFamily): ClientPeer | undefined {
    return this.#byAddress.lookup(bytes, offset, family)
  }

  /** Returns another client that has one of these addresses. */
  rivalOf(id: ClientId, addresses: TunnelAddresses): ClientPeer | undefined {
    const holders = [this.#byAddress.get(addresses.ipv4), this.#byAddress.get(addresses.ipv6)]
    return holders.find(holder => holder !== undefined && holder.id !== id)
  }

  /** Returns all clients. */
  values(): IterableIterator<ClientPeer> {
    return this.#byId.values()
  }

  #unindex(peer: ClientPeer): void {
    for (const address of [peer.addresses.ipv4, peer.addresses.ipv6])
      if (this.#byAddress.get(address) === peer) this.#byAddress.delete(IpPrefix.host(address))
  }
}
