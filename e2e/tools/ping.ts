/**
 * Sends ICMP echo requests and prints the round-trip times as JSON: `{"sent":3,"received":3,"min":…,"avg":…,"max":…}`
 * in milliseconds. Needs root of its network namespace; no program of the system.
 *
 * Usage: ping.ts ADDRESS [COUNT [INTERVAL_MS [TIMEOUT_MS]]]
 */
import koffi from 'koffi'

const [address = '127.0.0.1', count = '5', interval = '100', timeout = '1000'] = process.argv.slice(2)
const isV6 = address.includes(':')
const family = isV6 ? 10 : 2
const [ECHO_REQUEST, ECHO_REPLY] = isV6 ? [128, 129] : [8, 0]

const libc = koffi.load(null)
const socket = libc.func('int socket(int, int, int)')
const sendto = libc.func('long sendto(int, void *, size_t, int, void *, int)')
const recv = libc.func('long recv(int, _Out_ uint8_t *, size_t, int)')
const poll = libc.func('int poll(_Inout_ void *, int, int)')

const SOCK_RAW = 3
const fd = socket(family, SOCK_RAW, isV6 ? 58 : 1) as number
if (fd < 0) {
  console.error(`ping: cannot open a raw socket (errno ${koffi.errno()})`)
  process.exit(2)
}

const destination = isV6 ? sockaddrV6(address) : sockaddrV4(address)
const times: number[] = []
for (let sequence = 1; sequence <= Number(count); sequence++) {
  const start = performance.now()
  const request = echoRequest(sequence)
  sendto(fd, request, request.length, 0, destination, destination.length)
  if (awaitReply(sequence, start + Number(timeout))) times.push(performance.now() - start)
  const rest = start + Number(interval) - performance.now()
  if (rest > 0 && sequence < Number(count)) await new Promise(resolve => setTimeout(resolve, rest))
}
const round = (n: number): number => Math.round(n * 1000) / 1000
console.log(
  JSON.stringify({
    sent: Number(count),
    received: times.length,
    ...(times.length > 0 && {
      min: round(Math.min(...times)),
      avg: round(times.reduce((a, b) => a + b) / times.length),
      max: round(Math.max(...times)),
    }),
  }),
)
process.exit(times.length > 0 ? 0 : 1)

function awaitReply(sequence: number, deadline: number): boolean {
  const buffer = Buffer.alloc(2048)
  for (let left = deadline - performance.now(); left > 0; left = deadline - performance.now()) {
    const descriptor = Buffer.alloc(8) // struct pollfd
    descriptor.writeInt32LE(fd, 0)
    descriptor.writeInt16LE(1, 4) // POLLIN
    if ((poll(descriptor, 1, Math.ceil(left)) as number) <= 0) continue
    const length = recv(fd, buffer, buffer.length, 0) as number
    const at = isV6 ? 0 : (buffer[0]! & 15) * 4 // a raw IPv4 socket delivers the IP header too
    if (length < at + 8 || buffer[at] !== ECHO_REPLY) continue
    if (buffer.readUInt16BE(at + 4) === (process.pid & 0xffff) && buffer.readUInt16BE(at + 6) === sequence) return true
  }
  return false
}

function echoRequest(sequence: number): Buffer {
  const message = Buffer.alloc(64)
  message[0] = ECHO_REQUEST!
  message.writeUInt16BE(process.pid & 0xffff, 4)
  message.writeUInt16BE(sequence, 6)
  if (isV6) return message // the kernel completes the checksum of ICMPv6
  let sum = 0
  for (let i = 0; i < message.length; i += 2) sum += message.readUInt16BE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  message.writeUInt16BE(sum ^ 0xffff, 2)
  return message
}

function sockaddrV4(text: string): Buffer {
  const out = Buffer.alloc(16)
  out.writeUInt16LE(family, 0)
  for (const [i, part] of text.split('.').entries()) out[4 + i] = Number(part)
  return out
}

function sockaddrV6(text: string): Buffer {
  const out = Buffer.alloc(28)
  out.writeUInt16LE(family, 0)
  const [head = '', tail = ''] = text.split('::')
  const [front, back] = [head.split(':').filter(Boolean), tail.split(':').filter(Boolean)]
  const groups = [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back]
  for (const [i, group] of groups.entries()) out.writeUInt16BE(Number.parseInt(group, 16), 8 + 2 * i)
  return out
}
