/**
 * The private web server of the lab: a page, a stream of zero bytes, and who asked.
 *
 * Usage: page-server.ts ADDRESS PORT
 *
 * `/` the page · `/bytes?num=N` N zero bytes · `/slow?chunks=N` a chunk of 1000 bytes each 50 ms · `/peer` the address
 * that the request came from
 */
import { createServer, type ServerResponse } from 'node:http'
import { PAGE } from './page.ts'

const [address = '127.0.0.1', port = '80'] = process.argv.slice(2)

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://intranet')
  if (url.pathname === '/bytes') return sendZeros(response, Number(url.searchParams.get('num') ?? 0))
  if (url.pathname === '/slow') return sendSlowly(response, Number(url.searchParams.get('chunks') ?? 0))
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(url.pathname === '/peer' ? `${request.socket.remoteAddress}\n` : PAGE)
})
server.listen(Number(port), address, () => console.log(`listening on ${address} port ${port}`))

const CHUNK = new Uint8Array(64 * 1024)

function sendZeros(response: ServerResponse, length: number): void {
  let left = length
  const pump = (): void => {
    while (left > 0) {
      const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length))
      left -= chunk.length
      if (!response.write(chunk)) return void response.once('drain', pump)
    }
    response.end()
  }
  pump()
}

function sendSlowly(response: ServerResponse, chunks: number): void {
  let left = chunks
  const timer = setInterval(() => {
    if (left-- > 0 && !response.destroyed) response.write(CHUNK.subarray(0, 1000))
    else {
      clearInterval(timer)
      response.end()
    }
  }, 50)
}
