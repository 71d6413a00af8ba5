import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { sleep, waitFor } from '@sallyport/e2e/lab/command.ts'
import type { Lab } from '@sallyport/e2e/lab/lab.ts'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'
import { connect } from '@sallyport/e2e/lab/network.ts'
import type { LabProcess } from '@sallyport/e2e/lab/process.ts'
import type { Scenario } from '@sallyport/e2e/lab/scenario.ts'
import { formatCandidate, hostCandidate } from '@sallyport/ice'
import { SocketAddress } from '@sallyport/sans-io'
import type { IceParameters, IceView, TheirIceConfiguration } from '../peers/ice-endpoint.ts'
import type { OurIceConfiguration } from '../peers/ice-ours.ts'

/** libjuice: an ICE agent in C, the one of libdatachannel. It nominates one pair, but follows a peer that nominates more. */
export const iceLibjuice: Scenario = {
  name: 'ice-libjuice',
  claim: 'our ICE agent and that of libjuice choose the same pair in both roles and keep it: over IPv4, IPv6, and both',
  run: lab => meetAndStay(lab, { program: PROGRAMS.libjuice, agree: ['v4', 'v6', 'both'] }),
}

/**
 * werift: WebRTC in TypeScript, with an ICE agent of its own.
 *
 * It nominates every pair, but sticks to the first one that answers, while ours moves to the best one that is nominated.
 * So where there are several, the two may use different ones; both keep working, since ours goes on checking all of them.
 */
export const iceWerift: Scenario = {
  name: 'ice-werift',
  claim:
    'our ICE agent and that of werift choose the same pair in both roles and keep it; with IPv4 and IPv6, one each',
  run: lab => meetAndStay(lab, { program: PROGRAMS.werift, agree: ['v4', 'v6'] }),
}

type Families = 'v4' | 'v6' | 'both'

/** Has our agent and theirs meet over IPv4, IPv6 and both, in each role, all at once, and stay together. */
async function meetAndStay(
  lab: Lab,
  { program, agree }: { readonly program: string; readonly agree: readonly Families[] },
): Promise<string> {
  const [ours, theirs] = await makeHosts(lab)
  const meetings: Meeting[] = []
  for (const families of ['v4', 'v6', 'both'] as const)
    for (const controlling of ['ours', 'theirs'] as const) {
      const port = 40_000 + meetings.length
      const mustAgree = agree.includes(families)
      meetings.push(await meet({ ours, theirs, program, families, controlling, mustAgree, port }))
    }

  const before = meetings.map(({ ours }) => latestView(ours)!)
  await sleep(LIFETIME_MS)
  for (const [i, meeting] of meetings.entries()) assertAlive(meeting, before[i]!)
  await Promise.all(meetings.map(noticeTheEnd))
  return `${meetings.length} meetings of ${LIFETIME_MS / 1000} s`
}

/** Two agents that have found each other. */
interface Meeting {
  readonly name: string
  readonly ours: LabProcess
  readonly theirs: LabProcess
  readonly controlling: 'ours' | 'theirs'
  /** Whether both have to select the same pair. */
  readonly mustAgree: boolean
  /** The pair that both have selected, as our side sees it, if they have to agree. */
  readonly pair: string
}

interface MeetingOptions {
  readonly ours: Namespace
  readonly theirs: Namespace
  readonly program: string
  readonly families: Families
  readonly controlling: 'ours' | 'theirs'
  readonly mustAgree: boolean
  readonly port: number
}

/** Starts an agent on each side and waits until both have selected a pair, the same one if they have to agree. */
async function meet(options: MeetingOptions): Promise<Meeting> {
  const { ours, theirs, program, families, controlling, mustAgree, port } = options
  const name = `${families}-controlled-by-${controlling}`
  const ips = families === 'both' ? [OURS.v4, OURS.v6] : [OURS[families]]
  const credentials = { ufrag: `ours${port}`, password: `ours/at/port/${port}/password` }
  const theirConfiguration: TheirIceConfiguration = {
    controlling: controlling === 'theirs',
    remote: { ...credentials, candidates: ips.map(ip => hostCandidateText(ip, port)) },
  }
  const them = spawn(theirs, `theirs-${name}`, program, theirConfiguration)
  const [, announced] = await them.waitForLine(/^local (\{.*\})$/)
  const ourConfiguration: OurIceConfiguration = {
    controlling: controlling === 'ours',
    addresses: ips.map(ip => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)),
    ...credentials,
    remote: JSON.parse(announced!) as IceParameters,
  }
  const us = spawn(ours, `ours-${name}`, PROGRAMS.ours, ourConfiguration)
  const pair = await waitFor(`${name}: a pair on both sides`, () => {
    for (const process of [us, them]) assert.ok(process.isRunning, process.tail())
    return selectedByBoth(us, them, mustAgree)
  })
  return { name, ours: us, theirs: them, controlling, mustAgree, pair }
}

/** Checks that nothing has changed but the number of their checks, which are how they make sure that we are there. */
function assertAlive({ name, ours, theirs, mustAgree, pair }: Meeting, before: IceView): void {
  assert.equal(selectedByBoth(ours, theirs, mustAgree), pair, `${name}: the selected pair`)
  const requests = latestView(ours)!.requests! - before.requests!
  assert.ok(requests >= LIFETIME_MS / LEAST_CONSENT_INTERVAL_MS, `${name}: they have asked ${requests} times only`)
  for (const process of [ours, theirs]) {
    const views = process.lines.flatMap(viewOf)
    const first = views.findIndex(isConnected)
    assert.ok(views.slice(first).every(isConnected), `${name}: the connection broke\n${process.tail()}`)
  }
}

/** What makes the rest worth something: each side notices that the other has gone. */
async function noticeTheEnd({ name, ours, theirs, controlling }: Meeting): Promise<void> {
  const [leaves, stays] = controlling === 'ours' ? [ours, theirs] : [theirs, ours]
  await leaves.end('SIGKILL')
  await waitFor(`${name}: ${stays.name} to notice the end`, () => !isConnected(latestView(stays)!), END_NOTICED_MS)
}

function selectedByBoth(ours: LabProcess, theirs: LabProcess, mustAgree: boolean): string | undefined {
  const [us, them] = [latestView(ours), latestView(theirs)]
  if (us?.local === undefined || !isConnected(us) || them === undefined || !isConnected(them)) return undefined
  if (!mustAgree) return 'one each'
  return us.local === them.remote && us.remote === them.local ? `${us.local} – ${us.remote}` : undefined
}

const isConnected = ({ state }: IceView): boolean => state === 'connected' || state === 'completed'

const latestView = ({ lines }: LabProcess): IceView | undefined => lines.flatMap(viewOf).at(-1)

const viewOf = (line: string): IceView[] => (line.startsWith('view ') ? [JSON.parse(line.slice(5)) as IceView] : [])

/** Our host candidate, as the other side is told of it. */
function hostCandidateText(ip: string, port: number): string {
  const candidate = hostCandidate(SocketAddress.of(ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`))
  assert.ok(typeof candidate === 'object', `${candidate}`)
  return formatCandidate(candidate)
}

async function makeHosts(lab: Lab): Promise<readonly [Namespace, Namespace]> {
  const [ours, theirs] = [await lab.namespace('ours'), await lab.namespace('theirs')]
  // Without link-local addresses: ours has no way to say through which interface those are reached.
  for (const host of [ours, theirs]) await host.sysctl({ 'net.ipv6.conf.default.addr_gen_mode': 1 })
  await connect(
    { namespace: ours, interface: 'wan', addresses: [`${OURS.v4}/24`, `${OURS.v6}/64`] },
    { namespace: theirs, interface: 'wan', addresses: [`${THEIRS.v4}/24`, `${THEIRS.v6}/64`] },
  )
  // Node.js shows the addresses of an interface once the kernel has found the cable, which takes it up to a second.
  for (const host of [ours, theirs])
    await waitFor('the cable to be found', async () =>
      (await host.run(['ip', 'link', 'show', 'wan'])).includes('state UP'),
    )
  return [ours, theirs]
}

function spawn(host: Namespace, name: string, program: string, configuration: object): LabProcess {
  return host.spawn(name, [process.execPath, '--conditions=development', program, JSON.stringify(configuration)])
}

const OURS = { v4: '192.0.2.1', v6: '2001:db8::1' } as const
const THEIRS = { v4: '192.0.2.2', v6: '2001:db8::2' } as const

const PROGRAMS = {
  ours: fileURLToPath(new URL('../peers/ice-ours.ts', import.meta.url)),
  libjuice: fileURLToPath(new URL('../peers/ice-libjuice.ts', import.meta.url)),
  werift: fileURLToPath(new URL('../peers/ice-werift.ts', import.meta.url)),
} as const

const LIFETIME_MS = 60_000
/** RFC 7675 §5.1 asks for a check every 4 to 6 s. */
const LEAST_CONSENT_INTERVAL_MS = 10_000
/** RFC 7675 §5.1: consent expires after 30 s. */
const END_NOTICED_MS = 45_000
