// A Phoenix channel without a socket: it says what to do with a WebSocket, and is told what came of it.
//
// You will see the frames of a join and of a push, and what happens when the connection breaks.
import { PhoenixChannel, type PhoenixInput } from '@sallyport/phoenix-channel'
import { type Instant, seededRandom } from '@sallyport/sans-io'

let now = 0 as Instant
const channel = new PhoenixChannel({
  topic: 'client',
  joinPayload: null,
  userAgent: 'Linux connlib/1.5.8',
  random: seededRandom(1),
})
channel.connect('wss://portal.example/client/websocket?token=secret', now)
show()

report({ type: 'opened' })
report(frame({ topic: 'client', event: 'phx_reply', ref: 0, payload: { status: 'ok', response: {} } }))
report(frame({ topic: 'client', event: 'init', ref: null, payload: { resources: [] } }))

channel.push('create_flow', { resource_id: 'a resource', connected_gateway_ids: [] }, now)
show()

now = 3_600_000 as Instant // an hour later
report({ type: 'failed', reason: 'ECONNRESET', isCertificateInvalid: false })
channel.handleTimeout(now)
show()

function report(input: PhoenixInput): void {
  console.log(`⇠ ${input.type === 'frame' ? input.text : input.type}`)
  channel.handleInput(input, now)
  show()
}

function show(): void {
  for (let event = channel.pollEvent(); event !== undefined; event = channel.pollEvent())
    console.log(`  event: ${JSON.stringify(event)}`)
  for (let command = channel.pollTransmit(); command !== undefined; command = channel.pollTransmit())
    console.log(`⇢ ${command.type === 'send' ? command.text : command.type}`)
}

function frame(message: object): PhoenixInput {
  return { type: 'frame', text: JSON.stringify(message) }
}
