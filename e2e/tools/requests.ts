/**
 * Asks for a page at a steady pace, each time on a new connection, and prints a line of JSON for every answer:
 * `{"at":…,"ok":true,"ms":…}`, where `at` is when it was asked, in Unix milliseconds.
 *
 * Usage: requests.ts URL EVERY_MS TIMEOUT_MS
 */
import { get } from 'node:http'

const [url = '', every = '250', timeout = '5000'] = process.argv.slice(2)

setInterval(() => {
  const at = Date.now()
  const done = (ok: boolean): void => console.log(JSON.stringify({ at, ok, ms: Date.now() - at }))
  const request = get(url, { agent: false, signal: AbortSignal.timeout(Number(timeout)) }, response => {
    response.resume()
    response.on('end', () => done(response.statusCode === 200))
    response.on('error', () => done(false))
  })
  request.on('error', () => done(false))
}, Number(every))
console.log('asking')
