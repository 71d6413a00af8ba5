import dgram from 'node:dgram'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RelayProcess } from './relay-process.ts'
import { TurnClient, UdpPeer } from './turn-client.ts'

describe.each([
  ['native sockets', {}],
  ['sockets of node:dgram', { SALLYPORT_NO_NATIVE: '1' }],
])('a relay process with %s', (_, environment) => {
  let relay: RelayProcess
  beforeAll(async () => {
    relay = await RelayProcess.listening(environment)
  })
  afterAll(() => RelayProcess.stopAll())

  test('relays between a client and a peer, in both directions', async () => {
    const client = await TurnClient.open(relay.ports.listen)
    const peer = await UdpPeer.open()
    await client.bind(peer.address)
    const relayed = client.allocation.relayedAddress(4)!

    client.send(peer.address, 'from client')
    const request = await peer.next()
    expect(request).toEqual({ from: relayed.key, text: 'from client' })

    peer.send(relayed, 'from peer')
    expect(await client.next()).toEqual({ from: peer.address.key, text: 'from peer' })
    client.close()
    peer.close()
  })

  test('relays a burst in order and without loss', async () => {
    const client = await TurnClient.open(relay.ports.listen)
    const peer = await UdpPeer.open()
    await client.bind(peer.address)
    const texts = Array.from({ length: 200 }, (_, i) => `datagram ${i}`)

    for (const text of texts) peer.send(client.allocation.relayedAddress(4)!, text)
    const received: string[] = []
    while (received.length < texts.length) received.push((await client.next()).text)

    expect(received).toEqual(texts)
    client.close()
    peer.close()
  })

  test('relays between two of its clients', async () => {
    const alice = await TurnClient.open(relay.ports.listen)
    const bob = await TurnClient.open(relay.ports.listen)
    const toAlice = alice.allocation.relayedAddress(4)!
    const toBob = bob.allocation.relayedAddress(4)!
    await Promise.all([alice.bind(toBob), bob.bind(toAlice)])

    alice.send(toBob, 'hello, bob')
    expect(await bob.next()).toEqual({ from: toAlice.key, text: 'hello, bob' })
    alice.close()
    bob.close()
  })

  test('closes the relayed port of an allocation that is given back', async () => {
    const client = await TurnClient.open(relay.ports.listen)
    const { port: relayedPort } = client.allocation.relayedAddress(4)!
    expect(await canBind(relayedPort)).toBe(false)
    client.free()
    for (let attempt = 0; attempt < 100 && !(await canBind(relayedPort)); attempt++)
      await new Promise(resolve => setTimeout(resolve, 20))

    expect(await canBind(relayedPort)).toBe(true)
    client.close()
  })

  test('says that it is healthy and ready', async () => {
    expect((await fetch(`http://127.0.0.1:${relay.ports.health}/healthz`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${relay.ports.health}/readyz`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${relay.ports.health}/elsewhere`)).status).toBe(404)
  })

  test('tells of itself in metrics', async () => {
    const response = await fetch(`http://127.0.0.1:${relay.ports.health}/metrics`)
    const lines = (await response.text()).trimEnd().split('\n')

    expect(response.headers.get('content-type')).toMatch('text/plain; version=0.0.4')
    for (const line of lines) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[\w-]+"\})? [\d.e-]+)$/)
    expect(lines).toContain('sallyport_relay_ready 1')
    expect(lines.find(line => line.startsWith('sallyport_relay_relayed_bytes_total '))).not.toMatch(/ 0$/)
  })

  test('changes its log level when it is told to', async () => {
    const setFilter = (text: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${relay.ports.control}/log_filter?directives=${encodeURIComponent(text)}`, {
        method: 'POST',
      })

    expect((await setFilter('relay=debug,info')).status).toBe(200)
    expect((await setFilter('loud')).status).toBe(400)
  })

  test('writes nothing that an operator should look at', () => {
    expect(relay.lines.filter(({ severity }) => severity !== 'INFO')).toEqual([])
  })
})

async function canBind(port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4')
  return new Promise(resolve => {
    socket.on('error', () => resolve(false))
    socket.bind(port, () => socket.close(() => resolve(true)))
  })
}
