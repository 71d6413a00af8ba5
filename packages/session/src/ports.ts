import type { PhoenixChannel, PhoenixEvent } from '@sallyport/phoenix-channel'
import type { Crypto, Instant, Millis, Random, SocketAddress, WallClock } from '@sallyport/sans-io'
import type { ClientTunnel, ClientTunnelEvent } from '@sallyport/tunnel'

/** A portal's channel on its loop: `runChannel` of `@sallyport/io-node` makes one. */
export interface ChannelLoop {
  /** Connects at once, whatever the state. */
  connect(url: string): void
  /** Sends a message as soon as the channel is joined. */
  push(event: string, payload: unknown): number
  /** Starts the closing handshake; an event of type `closed` tells when it is done. */
  close(): void
  /** Cuts the connection and stops the loop: nothing is reported any more. */
  stop(): void
}

/** A tunnel on its loop, between UDP sockets and a TUN device. */
export interface TunnelLoop<Device> {
  /** Takes from the tunnel what a command has brought about. Called after each command. */
  drain(): void
  /** Takes over the TUN device; packets flow from here on. The loop closes it. */
  setDevice(device: Device): void
  /** Closes the UDP sockets and opens others: the network has changed. */
  rebind(): void
  /** Resolves when all datagrams have been handed to the operating system, or to `false` when that takes too long. */
  flush(limit: Millis): Promise<boolean>
  /** Closes sockets and device; resolves when they are gone. */
  close(): Promise<void>
}

/** What a session asks of the world. */
export interface SessionPorts<Device> {
  /** Returns the time of a clock that never jumps. */
  now(): Instant
  /** Returns the calendar time. */
  wallClock(): WallClock
  readonly random: Random
  readonly crypto: Crypto
  /** Runs the portal's channel. `onEvent` may call the channel. */
  runChannel(channel: PhoenixChannel, onEvent: (event: PhoenixEvent) => void): ChannelLoop
  /**
   * Runs the tunnel. `onEvent` may call the tunnel.
   *
   * @param onFatal - To be called when the tunnel can't go on: no UDP socket any more, the TUN device is gone.
   */
  runTunnel(
    tunnel: ClientTunnel,
    onEvent: (event: ClientTunnelEvent) => void,
    onFatal: (error: unknown) => void,
  ): TunnelLoop<Device>
  /** Puts a DNS query to servers outside of the tunnel. Resolves with the response, or `undefined` if nobody answers. */
  queryDns(message: Uint8Array, servers: readonly SocketAddress[]): Promise<Uint8Array | undefined>
  /** Gives back to the operating system what the tunnel has taken: DNS and routes. Called before the device is closed. */
  restore?(): void | Promise<void>
}
