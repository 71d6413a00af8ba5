import type { TunnelMachine } from '@sallyport/bench/static/run-static-tunnel.ts'
import type { Datagram, Instant, PacketBuffer, Transmit } from '@sallyport/sans-io'
import type { TunnelEvent } from '@sallyport/wireguard'

/**
 * Runs a machine on a clock that goes faster than ours: what it does every two minutes happens every few seconds.
 *
 * Only its sense of time changes. Its peer lives by the ordinary clock.
 */
export class TimeLapse implements TunnelMachine {
  readonly #machine: TunnelMachine
  readonly #rate: number
  readonly #origin: Instant

  /** Both clocks show the same at `origin`; from then on the machine's goes `rate` times faster. */
  constructor(machine: TunnelMachine, rate: number, origin: Instant) {
    this.#machine = machine
    this.#rate = rate
    this.#origin = origin
  }

  handleInput(datagram: Datagram, now: Instant): boolean {
    return this.#machine.handleInput(datagram, this.#inside(now))
  }

  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void {
    this.#machine.sendTrains(trains, datagrams, this.#inside(now))
  }

  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void {
    this.#machine.receiveDatagrams(datagrams, packets, this.#inside(now))
  }

  handleTimeout(now: Instant): void {
    this.#machine.handleTimeout(this.#inside(now))
  }

  pollTransmit(): Transmit | undefined {
    return this.#machine.pollTransmit()
  }

  pollEvent(): TunnelEvent | undefined {
    return this.#machine.pollEvent()
  }

  pollTimeout(): Instant | undefined {
    const at = this.#machine.pollTimeout()
    return at === undefined ? undefined : ((this.#origin + (at - this.#origin) / this.#rate) as Instant)
  }

  #inside(now: Instant): Instant {
    return (this.#origin + (now - this.#origin) * this.#rate) as Instant
  }
}
