import { fileURLToPath } from 'node:url'
import type { Namespace } from '@sallyport/e2e/lab/namespace.ts'

/** What is to be carried from one host to another, over TCP. */
export interface Transfer {
  readonly from: Namespace
  readonly to: Namespace
  /** Where {@link to} listens. */
  readonly address: string
  readonly port: number
  readonly bytes: number
  /** As fast as it goes by default. */
  readonly bytesPerSecond?: number
  readonly timeoutMs: number
}

/** Carries random bytes from one host to another and returns how many megabits a second it were. Throws if one differs. */
export async function transfer({ from, to, address, port, ...options }: Transfer): Promise<number> {
  const { bytes, bytesPerSecond, timeoutMs } = options
  const receiver = to.spawn(`receive-${port}`, [...PROGRAM, 'receive', address, String(port)])
  await receiver.waitForLine(/^listening/)
  const start = performance.now()
  const rate = bytesPerSecond === undefined ? [] : [String(bytesPerSecond)]
  const sender = from.spawn(`send-${port}`, [...PROGRAM, 'send', address, String(port), String(bytes), ...rate])
  const [sent, received] = await Promise.all(
    [sender, receiver].map(program => program.waitForLine(/^done (\d+) ([0-9a-f]{64})$/, timeoutMs)),
  )
  if (sent![0] !== received![0]) throw new Error(`sent and received differ:\n${sent![0]}\n${received![0]}`)
  return (bytes * 8) / 1e3 / (performance.now() - start)
}

const PROGRAM = [
  process.execPath,
  '--conditions=development',
  fileURLToPath(new URL('./tcp-stream.ts', import.meta.url)),
]
