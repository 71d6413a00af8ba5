import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const repository = fileURLToPath(new URL('..', import.meta.url))

/** The first and the last line of what each example prints. */
const EXAMPLES: Readonly<Record<string, readonly [first: string, last: string]>> = {
  'ice-hole-punch': [
    'alice signals candidate:2cdb9e7c 1 udp 2130706175 10.0.0.2 52625 typ host ufrag alice',
    'bob reaches 203.0.113.1:52625',
  ],
  'phoenix-join': ['⇢ connect', '⇢ connect'],
  'turn-echo': ['the client is 198.51.100.1:64311 on the relay', 'the client hears "hello, relay" from 192.0.2.7:7'],
  'whole-network-in-one-process': ['the laptop is 100.89.69.138 in the tunnel', 'without the policy: no answer'],
  'wireguard-in-memory': ['alice → bob: initiation, 148 bytes', 'the same datagram again: replayed, and dropped'],
}

test('every example is run', () => {
  const folders = readdirSync(`${repository}/examples`, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !['node_modules', 'dist'].includes(entry.name))
    .map(({ name }) => name)

  expect(folders.sort()).toEqual(Object.keys(EXAMPLES).sort())
})

test.each(Object.entries(EXAMPLES))('%s shows what it says', { timeout: 60_000 }, (name, [first, last]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=development', '--disable-warning=ExperimentalWarning', `examples/${name}/main.ts`],
    { cwd: repository, encoding: 'utf8', timeout: 30_000 },
  )
  const lines = stdout.trimEnd().split('\n')

  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect([lines[0], lines.at(-1)]).toEqual([first, last])
})
