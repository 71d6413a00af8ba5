// The ICE agent of werift, in a process of its own: node interop/peers/ice-werift.ts CONFIGURATION, as JSON.
// Prints `local JSON`, then `view JSON` twice a second.
import { Candidate, Connection } from 'werift'
import { announce, keepReporting, type TheirIceConfiguration } from './ice-endpoint.ts'

/** Without one it asks a public server. */
const NO_SERVER: [string, number] = ['127.0.0.1', 9]

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as TheirIceConfiguration)

async function main({ controlling, remote }: TheirIceConfiguration): Promise<void> {
  const connection = new Connection(controlling, { useTcp: false, stunServer: NO_SERVER, stunGatherTimeout: 0 })
  connection.stateChanged.subscribe(state => console.log(`ICE state: ${state}`))
  await connection.gatherCandidates()
  announce({
    ufrag: connection.localUsername,
    password: connection.localPassword,
    candidates: connection.localCandidates.map(candidate => `candidate:${candidate.toSdp()}`),
  })
  connection.setRemoteParams({ iceLite: false, usernameFragment: remote.ufrag, password: remote.password })
  for (const text of remote.candidates)
    await connection.addRemoteCandidate(Candidate.fromSdp(text.slice('candidate:'.length)))
  await connection.addRemoteCandidate(undefined)

  keepReporting(() => {
    const pair = connection.nominated
    return {
      state: connection.state,
      local: pair && `${pair.localCandidate.host} ${pair.localCandidate.port}`,
      remote: pair && `${pair.remoteCandidate.host} ${pair.remoteCandidate.port}`,
    }
  })
  await connection.connect()
}
