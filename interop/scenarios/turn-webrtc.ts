import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { buildRelayInternet, INTERNET, newRelayUser, startRelay } from '../peers/relay-internet.ts'
import type { WebrtcConfiguration } from '../peers/webrtc-configuration.ts'
import { readTraffic, watchTraffic } from '../tools/traffic.ts'

/** Two libdatachannels talk through our relay: TURN with Send indications until a channel is bound. */
export const turnLibjuice: Scenario = {
  name: 'turn-libjuice',
  claim: 'two WebRTC peers with libjuice exchange 20 MB each way through our relay, and through nothing else',
  run: lab => talkThroughRelay(lab, fileURLToPath(new URL('../peers/webrtc-libjuice.ts', import.meta.url))),
}

/** Two werifts talk through our relay: TURN with channels only. */
export const turnWerift: Scenario = {
  name: 'turn-werift',
  claim: 'two WebRTC peers with werift exchange 20 MB each way through our relay, and through nothing else',
  run: lab => talkThroughRelay(lab, fileURLToPath(new URL('../peers/webrtc-werift.ts', import.meta.url))),
}

/** Has two processes of `program`, on hosts that could reach each other, talk through the relay. */
async function talkThroughRelay(lab: Lab, program: string): Promise<string> {
  const { client, server, peer } = await buildRelayInternet(lab, 'masquerade')
  await startRelay(server)
  for (const host of [client, peer]) await watchTraffic(host, INTERNET.server)
  const signalling = `${lab.logFolder}/signalling`
  const start = performance.now()
  const offerer = spawn(client, program, { role: 'offer', signalling })
  await offerer.waitForLine(/^listening$/)
  const answerer = spawn(peer, program, { role: 'answer', signalling })
  await exchanged(offerer, answerer)
  const seconds = (performance.now() - start) / 1000

  for (const host of [client, peer]) {
    const { watched, others } = await readTraffic(host)
    assert.ok(watched.bytes > 2 * BYTES, `${host.name} exchanged only ${watched.bytes} bytes with the relay`)
    assert.equal(others.packets, 0, `${host.name} exchanged ${others.packets} packets with somebody else`)
  }
  return `${Math.round((2 * BYTES * 8) / 1e6 / seconds)} Mbit/s, setup included`
}

/** Waits until all has arrived at both ends, and compares. */
async function exchanged(...[a, b]: readonly [LabProcess, LabProcess]): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const [, received] = await to.waitForLine(/^received (.*)$/, TIMEOUT_MS)
    const [, sent] = await from.waitForLine(/^sent (.*)$/)
    assert.equal(received, sent, `what ${from.name} sent, as ${to.name} got it`)
  }
}

function spawn(
  host: Namespace,
  program: string,
  { role, signalling }: Pick<WebrtcConfiguration, 'role' | 'signalling'>,
): LabProcess {
  const configuration: WebrtcConfiguration = {
    role,
    signalling,
    server: { address: INTERNET.server.v4, port: 3478, ...newRelayUser() },
    bytes: BYTES,
  }
  return host.spawn(role, [process.execPath, '--conditions=development', program, JSON.stringify(configuration)])
}

const BYTES = 20e6
const TIMEOUT_MS = 120_000
