import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { buildRelayInternet, INTERNET, newRelayUser, startRelay } from '../peers/relay-internet.ts'
import type { ChromiumConfiguration, PeerOnPage } from '../peers/webrtc-chromium.ts'
import { readTraffic, watchTraffic } from '../tools/traffic.ts'

/** Two WebRTC peers in a browser talk through our relay: TURN with Send indications until a channel is bound. */
export const turnChromium: Scenario = {
  name: 'turn-chromium',
  claim: 'two WebRTC peers in Chromium exchange 20 MB each way through our relay, and through nothing else',
  packages: [{ name: 'chromium', program: 'chromium' }],
  async run(lab) {
    const { client, server } = await buildRelayInternet(lab, 'masquerade')
    await startRelay(server)
    await watchTraffic(client, INTERNET.server)
    const configuration: ChromiumConfiguration = {
      executable: '/usr/bin/chromium',
      profile: mkdtempSync(`${lab.logFolder}/profile-`),
      server: { address: INTERNET.server.v4, port: 3478, ...newRelayUser() },
      bytes: BYTES,
    }
    const start = performance.now()
    const argv = [process.execPath, '--conditions=development', PROGRAM, JSON.stringify(configuration)]
    const browser = client.spawn('chromium', argv)
    const [, view] = await browser.waitForLine(/^done (.*)$/, TIMEOUT_MS)
    const seconds = (performance.now() - start) / 1000

    const [a, b] = JSON.parse(view!) as [PeerOnPage, PeerOnPage]
    assert.equal(b.received, a.sent, 'what the first peer sent, as the second one got it')
    assert.equal(a.received, b.sent, 'what the second peer sent, as the first one got it')
    assert.deepEqual(
      [a.candidates, b.candidates],
      [
        ['relay', 'relay'],
        ['relay', 'relay'],
      ],
    )
    const { watched, others } = await readTraffic(client)
    assert.ok(watched.bytes > 4 * BYTES, `only ${watched.bytes} bytes were exchanged with the relay`)
    assert.equal(others.packets, 0, `${others.packets} packets were exchanged with somebody else`)
    await browser.exitWithin(10_000)
    return `${Math.round((2 * BYTES * 8) / 1e6 / seconds)} Mbit/s, the browser’s start included`
  },
}

const PROGRAM = fileURLToPath(new URL('../peers/webrtc-chromium.ts', import.meta.url))
const BYTES = 20e6
const TIMEOUT_MS = 120_000
