import { hostCandidate, IceAgent } from '@sallyport/ice'
import { type Instant, SocketAddress, seededRandom } from '@sallyport/sans-io'
import { parseStun, shortTermKey } from '@sallyport/stun'
import { fastCrypto as crypto } from '@sallyport/testkit'
import { resign } from '../resign.ts'
import { demand, type FuzzTarget } from '../target.ts'

const START = 1000 as Instant
const ALICE = { ufrag: 'alic', password: 'a password of twenty' }
const BOB = { ufrag: 'bobb', password: 'another one of twenty' }
const ADDRESSES = { alice: SocketAddress.of('192.0.2.1:52625'), bob: SocketAddress.of('192.0.2.2:52625') }
const FROM = [ADDRESSES.bob, SocketAddress.of('192.0.2.2:1'), SocketAddress.of('198.51.100.9:7')]

function newAgent(controlling: boolean): IceAgent {
  const [local, remote] = controlling ? [ALICE, BOB] : [BOB, ALICE]
  const [own, other] = controlling ? [ADDRESSES.alice, ADDRESSES.bob] : [ADDRESSES.bob, ADDRESSES.alice]
  const random = seededRandom(controlling ? 1 : 2)
  const options = { controlling, localCredentials: local, remoteCredentials: remote, crypto, random }
  const agent = new IceAgent(options, START)
  const [ours, theirs] = [hostCandidate(own), hostCandidate(other)]
  if (typeof ours === 'string' || typeof theirs === 'string') throw new Error('no candidates')
  agent.addLocalCandidate(ours, START)
  agent.addRemoteCandidate({ ...theirs, priority: 2_130_706_175 }, START)
  return agent
}

/** An agent that has been told everything: checks of strangers and of the peer leave it bounded, awake and on its way. */
export const ice: FuzzTarget = {
  seeds() {
    const [alice, bob] = [newAgent(true), newAgent(false)]
    return converse(alice, bob, START, 3000)
  },
  repair: bytes => resign(bytes, shortTermKey(bytes[0] === 1 ? BOB.password : ALICE.password), crypto),
  run(inputs) {
    const [alice, bob] = [newAgent(true), newAgent(false)]
    let now = START
    for (const [i, bytes] of inputs.entries()) {
      const message = parseStun(bytes)
      if (typeof message !== 'string') {
        const [local, remote] = [ADDRESSES.alice, FROM[i % FROM.length]!]
        const accepts = alice.acceptsMessage(message)
        demand(alice.handleInput({ local, remote, message }, now) === accepts, 'what is accepted is not taken')
      }
      now = (now + 100) as Instant
      settle(alice, now)
      demand(alice.pairs.length <= 100, 'there are too many pairs')
      demand(alice.remoteCandidates.length <= 256, 'there are too many candidates')
    }
    converse(alice, bob, now, 20_000)
    demand(alice.selectedPath !== undefined && bob.selectedPath !== undefined, 'the agents do not find each other')
  },
}

function settle(agent: IceAgent, now: Instant): void {
  for (let round = 0; (agent.pollTimeout() ?? Number.POSITIVE_INFINITY) <= now; round++) {
    demand(round < 1000, 'the deadline stays in the past')
    agent.handleTimeout(now)
  }
}

/** Lets two agents talk on a perfect wire. Returns what they say. */
function converse(alice: IceAgent, bob: IceAgent, from: Instant, length: number): Uint8Array[] {
  const said: Uint8Array[] = []
  for (let now = from; now < from + length; now = (now + 50) as Instant) {
    for (const [agent, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      settle(agent, now)
      for (let out = agent.pollTransmit(); out !== undefined; out = agent.pollTransmit()) {
        said.push(out.payload.slice())
        const message = parseStun(out.payload)
        const isReached = Object.values(ADDRESSES).some(({ key }) => key === out.remote.key)
        if (typeof message !== 'string' && isReached && out.local !== undefined)
          other.handleInput({ local: out.remote, remote: out.local, message }, now)
      }
      while (agent.pollEvent() !== undefined);
    }
  }
  return said
}
