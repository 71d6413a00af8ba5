import { afterEach, expect, test, vi } from 'vitest'
import { masqueradeRules } from '../src/masquerade.ts'
import { readOptions } from '../src/options.ts'

afterEach(() => vi.unstubAllEnvs())

const read = (...args: string[]) => readOptions(['node', 'sallyport-gateway', ...args], '1')

test('a token alone will do, as an argument or in the environment, from which it is taken', () => {
  expect(read('.a')).toEqual({
    apiUrl: 'wss://api.firezone.dev',
    token: '.a',
    name: undefined,
    id: undefined,
    checksPermissions: true,
    health: { host: '0.0.0.0', port: 8080 },
    raisesBuffers: true,
    masquerades: false,
    logFilter: 'info',
  })

  vi.stubEnv('FIREZONE_TOKEN', '.b')
  expect(read().token).toBe('.b')
  expect(process.env['FIREZONE_TOKEN']).toBeUndefined()
})

test('no token is a mistake of usage', () => {
  expect(() => read()).toThrow(expect.objectContaining({ exitCode: 2 }))
})

test('every option has its flag and its variable', () => {
  const expected = {
    apiUrl: 'ws://p',
    name: 'n',
    id: 'i',
    health: { host: '::', port: 1 },
    raisesBuffers: false,
    masquerades: true,
  }
  const flags = ['-u', 'ws://p', '-n', 'n', '-i', 'i', '--health-check-addr', '[::]:1', '--no-inc-buf', '--masquerade']
  expect(read('.a', ...flags, '--no-check')).toMatchObject({ ...expected, checksPermissions: false })

  vi.stubEnv('FIREZONE_API_URL', 'ws://p')
  vi.stubEnv('FIREZONE_NAME', 'n')
  vi.stubEnv('FIREZONE_ID', 'i')
  vi.stubEnv('HEALTH_CHECK_ADDR', '[::]:1')
  vi.stubEnv('FIREZONE_NO_INC_BUF', 'true')
  vi.stubEnv('SALLYPORT_MASQUERADE', '1')
  vi.stubEnv('RUST_LOG', 'debug')
  expect(read('.a')).toMatchObject({ ...expected, logFilter: 'debug' })
})

test('masquerading is one table, made anew in one transaction', () => {
  expect(masqueradeRules('tun7').split('\n').slice(0, 3)).toEqual([
    'add table inet sallyport-gateway',
    'delete table inet sallyport-gateway',
    'table inet sallyport-gateway {',
  ])
  expect(masqueradeRules('tun7')).toContain('oifname "tun7" accept')
})
