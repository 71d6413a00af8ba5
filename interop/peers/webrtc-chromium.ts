// Two WebRTC peers on a page in Chromium, in a process of its own: node interop/peers/webrtc-chromium.ts CONFIGURATION,
// as JSON. Prints `done JSON`, the two ends' view.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium } from 'playwright-core'
import type { WebrtcConfiguration } from './webrtc-configuration.ts'

/** What is to happen in the browser. */
export interface ChromiumConfiguration extends Pick<WebrtcConfiguration, 'server' | 'bytes'> {
  readonly executable: string
  /** An empty folder for its profile. */
  readonly profile: string
}

/** What one of the two peers has seen. */
export interface PeerOnPage {
  /** SHA-256 of the bytes, in hex. */
  readonly sent: string
  readonly received: string
  /** The types of the local and the remote candidate in use. */
  readonly candidates: readonly string[]
}

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  // It looks for its maker's servers in spite of all that.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as ChromiumConfiguration)

async function main({ executable, profile, server, bytes }: ChromiumConfiguration): Promise<void> {
  // Loopback counts as secure, which the page's hashes need.
  const page = readFileSync(new URL('../pages/two-peers.html', import.meta.url))
  const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(page))
  await new Promise<void>(resolve => pages.listen(0, '127.0.0.1', resolve))
  const { port } = pages.address() as AddressInfo

  const browser = await chromium.launchPersistentContext(profile, { executablePath: executable, args: FLAGS })
  const tab = await browser.newPage()
  tab.on('console', message => console.log(message.text()))
  await tab.goto(`http://127.0.0.1:${port}/`)
  const { address, port: serverPort, username, password: credential } = server
  const turn = { urls: `turn:${address}:${serverPort}?transport=udp`, username, credential }
  const peers = await tab.evaluate<readonly PeerOnPage[]>(`talk(${JSON.stringify({ server: turn, bytes })})`)
  console.log(`done ${JSON.stringify(peers)}`)
  await browser.close()
  pages.close()
}
