/**
 * Loads a path of several hosts at the same time, all from one local port.
 *
 * Usage: same-port.ts PORT PATH HOST…
 *
 * Prints how many bytes each body has, as a JSON list.
 */
import { request } from 'node:http'

const [port = '0', path = '/', ...hosts] = process.argv.slice(2)

const load = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request({ host, path, localPort: Number(port), agent: false, timeout: 15_000 }, response => {
      let length = 0
      response.on('data', (bytes: Uint8Array) => {
        length += bytes.length
      })
      response.on('end', () => resolve(length))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })

console.log(JSON.stringify(await Promise.all(hosts.map(load))))
