import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** A way to another process of this machine, whichever network namespace that is in: a Unix socket in a folder. */
export interface Signalling {
  send(message: string): void
  /** Resolves with the next message. */
  receive(): Promise<string>
}

/** Opens one end: the one who listens has to be there first. */
export async function openSignalling(path: string, role: 'listen' | 'connect'): Promise<Signalling> {
  const socket = role === 'listen' ? await accept(path) : connect(path)
  const lines = createInterface(socket)[Symbol.asyncIterator]()
  return {
    send: message => void socket.write(`${JSON.stringify(message)}\n`),
    async receive() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the other side has gone')
      return JSON.parse(value) as string
    },
  }
}

function accept(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => {
      server.close()
      resolve(socket)
    })
    server.on('error', reject)
    server.listen(path, () => console.log('listening'))
  })
}
