import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** An open channel for messages that arrive, all of them and in order. */
export interface MessageChannel {
  send(message: Uint8Array): void
  /** How many bytes wait in it to be sent. */
  bufferedAmount(): number
  /** Calls `use` with each message; to be called once. */
  onMessage(use: (message: Uint8Array) => void): void
}

/**
 * Sends `total` random bytes while as many arrive.
 *
 * Prints `sent SHA256` and `received SHA256`, each when it is done. The channel has to stay open until the other side is.
 */
export async function exchange(channel: MessageChannel, total: number): Promise<void> {
  const received = createHash('sha256')
  let count = 0
  channel.onMessage(message => {
    received.update(message)
    count += message.length
    if (count >= total) console.log(`received ${count === total ? received.digest('hex') : 'too much'}`)
  })

  const randomness = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const sent = createHash('sha256')
  for (let left = total; left > 0; left -= MESSAGE_LENGTH) {
    const message = randomness.update(new Uint8Array(Math.min(left, MESSAGE_LENGTH)))
    sent.update(message)
    channel.send(message)
    while (channel.bufferedAmount() > MAX_BUFFERED) await sleep(2)
  }
  console.log(`sent ${sent.digest('hex')}`)
}

const MESSAGE_LENGTH = 16_384
const MAX_BUFFERED = 1 << 20
