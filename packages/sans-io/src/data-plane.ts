import type { PacketBuffer } from './packet-buffer.ts'
import type { Instant } from './time.ts'

/**
 * The packet path of a machine between a TUN device and UDP sockets.
 *
 * Batches in, batches out: calls answer by filling the buffer that they are given, never with queued or newly made
 * bytes. What they stir up in control (a handshake that is wanted, an intent) is noted and comes out of the machine's
 * `pollTransmit` and `pollEvent`, which are drained after the batch. What does not fit or may not pass is dropped and
 * counted.
 */
export interface DataPlane {
  /**
   * Turns trains that were read from the TUN device into datagrams.
   *
   * @param trains - Borrowed. Their bytes are used up: segments are cut and sealed in place.
   * @param datagrams - Datagrams are appended to it. It needs room for every packet that the trains stand for.
   */
  sendTrains(trains: PacketBuffer, datagrams: PacketBuffer, now: Instant): void
  /**
   * Turns datagrams that were received into packets for the TUN device.
   *
   * @param datagrams - Borrowed. Their bytes are used up: they may be decrypted in place.
   * @param packets - Packets are appended to it; those with `segments` 0 are not to be written.
   */
  receiveDatagrams(datagrams: PacketBuffer, packets: PacketBuffer, now: Instant): void
  /**
   * Takes the next packet that the machine itself has for the TUN device, such as the answer of a resolver.
   *
   * For control: one at a time, drained together with `pollTransmit`.
   */
  pollPacket?(): Uint8Array | undefined
}
