import { chmodSync, statSync, unlinkSync } from 'node:fs'
import { request, type Server } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { makeFolder, OperatorError } from '@sallyport/service'
import type { Hono } from 'hono'

/** Serves the administrator's interface on a socket that only its owner can open. */
export async function serveAdminSocket(app: Hono, path: string): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  try {
    makeFolder(dirname(path), 0o700)
    await removeStale(path)
    const mask = process.umask(0o177) // the socket must not be open to others even for a moment
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(path, resolve)
      })
    } finally {
      process.umask(mask)
    }
    chmodSync(path, 0o600)
    return server
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`the admin socket ${path} can't be made: ${(error as Error).message}`, { cause: error })
  }
}

/** Sends one request to a running portal's socket and returns its result. Throws an {@link OperatorError}. */
export async function callAdminSocket(path: string, method: string, url: string, body?: unknown): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const call = request(
      { socketPath: path, method, path: url, headers: { 'content-type': 'application/json' } },
      response => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', chunk => (received += chunk))
        response.on('end', () => resolve(received))
        response.on('error', reject)
      },
    )
    call.on('error', error => reject(new OperatorError(describe(path, error), { cause: error })))
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
  const answer = JSON.parse(text) as { result?: unknown; error?: { message: string } }
  if (answer.error !== undefined) throw new OperatorError(answer.error.message)
  return answer.result
}

/** Removes the socket of a portal that did not get to remove it. */
async function removeStale(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new OperatorError(`${path} exists and is not a socket`)
  const isAlive = await new Promise<boolean>(resolve => {
    const probe = connect(path)
    probe.on('connect', () => resolve(true))
    probe.on('error', () => resolve(false))
    probe.on('close', () => probe.destroy())
    probe.on('connect', () => probe.destroy())
  })
  if (isAlive) throw new OperatorError(`another portal serves the admin socket ${path}`)
  unlinkSync(path)
}

function describe(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return `no portal is running at ${path}`
  if (error.code === 'EACCES') return `no permission to open ${path}: only the portal's own user may`
  return `the portal at ${path} can't be reached: ${error.message}`
}
