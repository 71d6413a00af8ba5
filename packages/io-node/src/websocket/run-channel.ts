import type { PhoenixChannel, PhoenixEvent } from '@sallyport/phoenix-channel'
import { drive } from '@sallyport/sans-io'
import { monotonicNow } from '../clock.ts'
import { WebSocketAdapter, type WebSocketOptions } from './websocket-adapter.ts'

/** What {@link runChannel} needs. */
export interface RunChannelOptions extends WebSocketOptions {
  /** Learns what the channel tells. May call the channel. */
  readonly onEvent: (event: PhoenixEvent) => void
}

/** A channel on its loop. */
export interface RunningChannel {
  /** See {@link PhoenixChannel.connect}. */
  connect(url: string): void
  /** See {@link PhoenixChannel.push}. */
  push(event: string, payload: unknown): number
  /** See {@link PhoenixChannel.close}. */
  close(): void
  /** Cuts the connection and stops the loop at once: nothing is reported any more. */
  stop(): void
}

/** Runs a Phoenix channel over WebSockets, until it is stopped. */
export function runChannel(channel: PhoenixChannel, options: RunChannelOptions): RunningChannel {
  let timer: NodeJS.Timeout | undefined
  const adapter = new WebSocketAdapter(options, input => {
    loop.input(input)
  })
  const loop = drive(channel, {
    now: monotonicNow,
    send: transmit => adapter.send(transmit),
    onEvent: options.onEvent,
    wakeAt(at, wake) {
      clearTimeout(timer)
      // Rounded up: a timer that fires a moment early would find nothing due.
      timer = at === undefined ? undefined : setTimeout(wake, Math.min(Math.ceil(at - monotonicNow()), MAX_TIMEOUT))
    },
  })
  return {
    connect(url) {
      channel.connect(url, monotonicNow())
      loop.drain()
    },
    push(event, payload) {
      const ref = channel.push(event, payload, monotonicNow())
      loop.drain()
      return ref
    },
    close() {
      channel.close(monotonicNow())
      loop.drain()
    },
    stop() {
      loop.stop()
      adapter.send({ type: 'drop' })
    },
  }
}

const MAX_TIMEOUT = 2 ** 31 - 1
