import { afterEach, expect, test, vi } from 'vitest'
import { readOptions } from '../src/options.ts'

afterEach(() => vi.unstubAllEnvs())

const read = (...args: string[]) => readOptions(['node', 'sallyport-client', ...args], '1')

test('nothing at all will do: the token is looked for in its file', () => {
  expect(read()).toEqual({
    apiUrl: 'wss://api.firezone.dev',
    token: undefined,
    tokenPath: '/etc/dev.firezone.client/token',
    name: undefined,
    id: undefined,
    maxPartitionTime: undefined,
    dnsControl: 'disabled',
    onlyChecks: false,
    exitsWhenUp: false,
    raisesBuffers: false,
    logFilter: 'info',
  })
})

test('the token is taken out of the environment', () => {
  vi.stubEnv('FIREZONE_TOKEN', 'n.tok')

  expect(read().token).toBe('n.tok')
  expect(process.env['FIREZONE_TOKEN']).toBeUndefined()
})

test('every option has its flag and its variable', () => {
  const expected = {
    apiUrl: 'ws://p',
    tokenPath: '/t',
    name: 'n',
    id: 'i',
    maxPartitionTime: 3_600_000,
    raisesBuffers: true,
  }
  const flags = ['-u', 'ws://p', '--token-path', '/t', '--firezone-name', 'n', '-i', 'i', '-m', '1h', '--inc-buf']
  expect(read(...flags, '--check', '--exit')).toMatchObject({ ...expected, onlyChecks: true, exitsWhenUp: true })

  vi.stubEnv('FIREZONE_API_URL', 'ws://p')
  vi.stubEnv('FIREZONE_TOKEN_PATH', '/t')
  vi.stubEnv('FIREZONE_NAME', 'n')
  vi.stubEnv('FIREZONE_ID', 'i')
  vi.stubEnv('MAX_PARTITION_TIME', '1h')
  vi.stubEnv('FIREZONE_INC_BUF', 'true')
  expect(read()).toMatchObject(expected)
})

test('the sub-command standalone is accepted, and no other', () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  expect(read('standalone').onlyChecks).toBe(false)
  expect(() => read('sign-in')).toThrow(expect.objectContaining({ exitCode: 1 }))
  write.mockRestore()
})
