// One end of a WebRTC connection by werift: through a TURN server only.
// node interop/peers/webrtc-werift.ts CONFIGURATION, as JSON. Prints `pair LOCAL REMOTE` and what `exchange` does.
import { type RTCDataChannel, RTCPeerConnection } from 'werift'
import { exchange } from '../tools/exchange.ts'
import { openSignalling } from '../tools/signalling.ts'
import type { WebrtcConfiguration } from './webrtc-configuration.ts'

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as WebrtcConfiguration)

async function main({ role, signalling: path, server, bytes }: WebrtcConfiguration): Promise<void> {
  const signalling = await openSignalling(path, role === 'offer' ? 'listen' : 'connect')
  const urls = `turn:${server.address}:${server.port}?transport=udp`
  const connection = new RTCPeerConnection({
    iceServers: [{ urls, username: server.username, credential: server.password }],
    iceTransportPolicy: 'relay',
  })
  connection.iceConnectionStateChange.subscribe(state => {
    console.log(`ICE state: ${state}`)
    if (state === 'failed') process.exit(1)
  })
  const offered = role === 'offer' ? connection.createDataChannel('interop') : undefined
  const opened = offered === undefined ? incomingChannel(connection) : openedChannel(offered)
  if (role === 'answer') {
    await connection.setRemoteDescription({ type: 'offer', sdp: await signalling.receive() })
    await connection.setLocalDescription(await connection.createAnswer())
  } else await connection.setLocalDescription(await connection.createOffer())
  while (connection.iceGatheringState !== 'complete') await connection.iceGatheringStateChange.asPromise()
  signalling.send(connection.localDescription!.sdp)
  if (role === 'offer') await connection.setRemoteDescription({ type: 'answer', sdp: await signalling.receive() })

  const channel = await opened
  const pair = connection.iceTransports[0]?.connection.nominated
  console.log(`pair ${pair?.localCandidate.toSdp()} ${pair?.remoteCandidate.toSdp()}`)
  await exchange(
    {
      send: message => channel.send(Buffer.from(message)),
      bufferedAmount: () => channel.bufferedAmount,
      onMessage: use => channel.onMessage.subscribe(message => use(Buffer.from(message))),
    },
    bytes,
  )
}

function incomingChannel(connection: RTCPeerConnection): Promise<RTCDataChannel> {
  return new Promise(resolve => connection.onDataChannel.once(resolve))
}

async function openedChannel(channel: RTCDataChannel): Promise<RTCDataChannel> {
  await channel.stateChanged.watch(state => state === 'open')
  return channel
}
