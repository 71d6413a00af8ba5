// One end of a WebRTC connection by libdatachannel, whose ICE and TURN are libjuice: through a TURN server only.
// node interop/peers/webrtc-libjuice.ts CONFIGURATION, as JSON. Prints `pair LOCAL REMOTE` and what `exchange` does.
import { type DataChannel, PeerConnection } from 'node-datachannel'
import { exchange } from '../tools/exchange.ts'
import { openSignalling } from '../tools/signalling.ts'
import type { WebrtcConfiguration } from './webrtc-configuration.ts'

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as WebrtcConfiguration)

async function main({ role, signalling: path, server, bytes }: WebrtcConfiguration): Promise<void> {
  const signalling = await openSignalling(path, role === 'offer' ? 'listen' : 'connect')
  const { address: hostname, port, username, password } = server
  const connection = new PeerConnection(role, {
    iceServers: [{ hostname, port, username, password, relayType: 'TurnUdp' }],
    iceTransportPolicy: 'relay',
  })
  connection.onStateChange(state => {
    console.log(`state: ${state}`)
    if (state === 'failed') process.exit(1)
  })
  const gathered = new Promise<void>(resolve =>
    connection.onGatheringStateChange(state => {
      if (state === 'complete') resolve()
    }),
  )
  const offered = role === 'offer' ? connection.createDataChannel('interop') : undefined
  const opened = offered === undefined ? incomingChannel(connection) : openedChannel(offered)
  if (role === 'answer') connection.setRemoteDescription(await signalling.receive(), 'offer')
  await gathered
  signalling.send(connection.localDescription()!.sdp)
  if (role === 'offer') connection.setRemoteDescription(await signalling.receive(), 'answer')

  const channel = await opened
  const pair = connection.getSelectedCandidatePair()
  console.log(`pair ${pair?.local.candidate} ${pair?.remote.candidate}`)
  await exchange(
    {
      send: message => channel.sendMessageBinary(message),
      bufferedAmount: () => channel.bufferedAmount(),
      onMessage: use =>
        channel.onMessage(message => use(typeof message === 'string' ? Buffer.from(message) : new Uint8Array(message))),
    },
    bytes,
  )
  setInterval(() => {}, 1000) // keeps the connection from being collected
}

function incomingChannel(connection: PeerConnection): Promise<DataChannel> {
  return new Promise(resolve => connection.onDataChannel(resolve))
}

function openedChannel(channel: DataChannel): Promise<DataChannel> {
  return new Promise(resolve => channel.onOpen(() => resolve(channel)))
}
