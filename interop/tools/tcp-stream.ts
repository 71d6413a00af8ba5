// One end of a TCP connection that carries random bytes one way and tells their hash, in a process of its own:
//   node interop/tools/tcp-stream.ts receive ADDRESS PORT
//   node interop/tools/tcp-stream.ts send ADDRESS PORT BYTES [BYTES_PER_SECOND]
// Prints `listening` or nothing, then `done BYTES SHA256`.
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

const SILENCE_MS = 20_000
const ZEROS = new Uint8Array(64 * 1024)

const [role, address, port, bytes, bytesPerSecond] = process.argv.slice(2)
if (role === 'receive') receive()
else await send(connect(Number(port), address!), Number(bytes), Number(bytesPerSecond ?? Number.POSITIVE_INFINITY))

function receive(): void {
  const server = createServer(socket => {
    server.close()
    guard(socket)
    const hash = createHash('sha256')
    let count = 0
    socket.on('data', chunk => {
      hash.update(chunk)
      count += chunk.length
    })
    socket.on('end', () => console.log(`done ${count} ${hash.digest('hex')}`))
  })
  server.listen(Number(port), address, () => console.log('listening'))
}

async function send(socket: Socket, total: number, bytesPerSecond: number): Promise<void> {
  guard(socket)
  await once(socket, 'connect')
  const randomness = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
  const hash = createHash('sha256')
  const start = performance.now()
  for (let sent = 0; sent < total; ) {
    const chunk = randomness.update(ZEROS.subarray(0, Math.min(ZEROS.length, total - sent)))
    hash.update(chunk)
    sent += chunk.length
    if (!socket.write(chunk)) await once(socket, 'drain')
    const ahead = (sent / bytesPerSecond) * 1000 - (performance.now() - start)
    if (ahead > 5) await new Promise(resolve => setTimeout(resolve, ahead))
  }
  socket.end()
  await once(socket, 'close')
  console.log(`done ${total} ${hash.digest('hex')}`)
}

/** A connection on which nothing moves is a failure. */
function guard(socket: Socket): void {
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`nothing moved for ${SILENCE_MS / 1000} s`)))
}
