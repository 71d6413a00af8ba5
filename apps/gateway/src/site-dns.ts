import dgram from 'node:dgram'
import { getServers } from 'node:dns'
import { encodeMessage, makeResponse, parseQuery, ResponseCode, truncateMessage } from '@sallyport/dns-message'
import { exchangeDns } from '@sallyport/io-node'
import { IpAddress, type Logger, SocketAddress } from '@sallyport/sans-io'
import { SITE_DNS_PORT } from '@sallyport/tunnel'

/** The most bytes of an answer over UDP. */
const MAX_ANSWER = 1200

/** How many queries may be under way. */
const MAX_QUERIES = 1000

/** Answers clients' queries about records that only name servers beside the gateway know, such as SRV and TXT. */
export class SiteDns {
  readonly #logger: Logger
  #sockets: readonly dgram.Socket[] = []
  #bound = ''
  #running = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Listens on these addresses, which are the tunnel's, instead of others. */
  listen(addresses: readonly IpAddress[]): void {
    const wanted = addresses.join(' ')
    if (this.#bound === wanted) return
    this.close()
    this.#bound = wanted
    this.#sockets = addresses.map(address => {
      const socket = dgram.createSocket({
        type: address.family === 4 ? 'udp4' : 'udp6',
        ipv6Only: address.family === 6,
      })
      socket.on('error', error => this.#logger.warn({ address, error: error.message }, 'no DNS for clients here'))
      socket.on('message', (query, from) => {
        this.#answer(query).then(
          answer => {
            if (answer !== undefined && this.#sockets.includes(socket)) socket.send(answer, from.port, from.address)
          },
          error => this.#logger.debug({ error }, 'a DNS query has failed'),
        )
      })
      socket.bind(SITE_DNS_PORT, address.text)
      return socket
    })
  }

  /** Listens no longer. */
  close(): void {
    for (const socket of this.#sockets) socket.close()
    this.#sockets = []
    this.#bound = ''
  }

  async #answer(message: Uint8Array): Promise<Uint8Array | undefined> {
    const query = parseQuery(message)
    if (typeof query === 'string' || this.#running >= MAX_QUERIES) return undefined
    this.#running++
    const response = await exchangeDns(message, hostServers()).finally(() => this.#running--)
    return truncateMessage(response ?? encodeMessage(makeResponse(query, ResponseCode.SERVER_FAILURE)), MAX_ANSWER)
  }
}

/** The name servers of this machine. */
function hostServers(): SocketAddress[] {
  return getServers()
    .map(text => SocketAddress.parse(text) ?? IpAddress.parse(text))
    .filter(server => server !== undefined)
    .map(server => (server instanceof IpAddress ? new SocketAddress(server, 53) : server))
}
