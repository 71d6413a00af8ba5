// The ICE agent of libjuice, in a process of its own: node interop/peers/ice-libjuice.ts CONFIGURATION, as JSON.
// Prints `local JSON`, then `view JSON` twice a second.
//
// It hides in a WebRTC connection that never gets further than ICE: nobody answers its DTLS. We claim to be the one who
// begins with that, so that it waits for ever instead of giving up.
import { PeerConnection } from 'node-datachannel'
import { announce, type IceParameters, keepReporting, type TheirIceConfiguration } from './ice-endpoint.ts'

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as TheirIceConfiguration)

async function main({ controlling, remote }: TheirIceConfiguration): Promise<void> {
  const connection = new PeerConnection('libjuice', { iceServers: [] })
  const gathered = new Promise<void>(resolve =>
    connection.onGatheringStateChange(state => {
      if (state === 'complete') resolve()
    }),
  )
  for (const [what, on] of [
    ['state', connection.onStateChange],
    ['ICE state', connection.onIceStateChange],
  ] as const)
    on.call(connection, state => console.log(`${what}: ${state}`))
  // In libjuice the one who offers controls.
  if (controlling) connection.createDataChannel('interop')
  else connection.setRemoteDescription(descriptionOf(remote), 'offer')
  await gathered
  announce(parametersOf(connection.localDescription()?.sdp ?? ''))
  if (controlling) connection.setRemoteDescription(descriptionOf(remote), 'answer')

  keepReporting(() => {
    const pair = connection.getSelectedCandidatePair()
    return {
      state: connection.iceState(),
      local: pair === null ? undefined : `${pair.local.address} ${pair.local.port}`,
      remote: pair === null ? undefined : `${pair.remote.address} ${pair.remote.port}`,
    }
  })
}

/** Our side, as a session description (RFC 8839 §5, RFC 8841): one data channel, with a certificate that isn't there. */
function descriptionOf({ ufrag, password, candidates }: IceParameters): string {
  const lines = [
    'v=0',
    'o=- 1 0 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'a=setup:active',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=sendrecv',
    'a=sctp-port:5000',
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`,
    ...candidates.map(candidate => `a=${candidate}`),
    'a=end-of-candidates',
  ]
  return lines.map(line => `${line}\r\n`).join('')
}

/** Reads what ICE needs from a session description. */
function parametersOf(sdp: string): IceParameters {
  const lines = sdp.split(/\r?\n/)
  const attribute = (name: string): string => lines.find(line => line.startsWith(`a=${name}:`))!.slice(name.length + 3)
  return {
    ufrag: attribute('ice-ufrag'),
    password: attribute('ice-pwd'),
    candidates: lines.filter(line => line.startsWith('a=candidate:')).map(line => line.slice(2)),
  }
}
