import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OperatorError } from '@sallyport/service'
import { CommanderError } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Configuration, readConfiguration } from './configuration.ts'

const NAMES = [
  'PUBLIC_IP4_ADDR',
  'PUBLIC_IP6_ADDR',
  'BIND_IP4_ADDR',
  'BIND_IP6_ADDR',
  'LISTEN_PORT',
  'LOWEST_PORT',
  'HIGHEST_PORT',
  'FIREZONE_API_URL',
  'FIREZONE_TOKEN',
  'FIREZONE_NAME',
  'AUTH_SECRET',
  'ALLOW_PEER',
  'DENY_PEER',
  'USER_QUOTA',
  'TOTAL_QUOTA',
  'DRAIN',
  'RNG_SEED',
  'LOG_FORMAT',
  'RUST_LOG',
  'HEALTH_CHECK_ADDR',
  'CONTROL_ENDPOINT',
  'EBPF_OFFLOADING',
]

beforeEach(() => {
  for (const name of NAMES) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the configuration', () => {
  test('comes from the environment, with defaults for the rest', () => {
    expect(
      read([], {
        PUBLIC_IP4_ADDR: '203.0.113.101',
        FIREZONE_API_URL: 'wss://api.example.com',
        FIREZONE_TOKEN: 'secret',
      }),
    ).toMatchObject({
      publicAddresses: { v4: { text: '203.0.113.101' }, v6: undefined },
      bindAddresses: { v4: undefined, v6: undefined },
      listenPort: 3478,
      ports: { lowest: 49152, highest: 65535 },
      portal: { apiUrl: 'wss://api.example.com', token: 'secret', name: undefined },
      authSecret: undefined,
      logFormat: undefined,
      logLevel: 'info',
      healthCheck: { host: '0.0.0.0', port: 8080 },
      control: { host: '127.0.0.1', port: 9999 },
      ignored: [],
    })
  })

  test('comes from flags and arguments, which go before the environment', () => {
    const args = '--public-ip6-addr 2001:db8::101 --listen-port 3479 --api-url ws://portal --log-format human token r1'

    expect(
      read(args.split(' '), { LISTEN_PORT: '1', FIREZONE_TOKEN: 'other', RUST_LOG: 'wire=trace,warn' }),
    ).toMatchObject({
      publicAddresses: { v6: { text: '2001:db8::101' } },
      listenPort: 3479,
      portal: { token: 'token', name: 'r1' },
      logFormat: 'human',
      logLevel: 'warn',
    })
  })

  test('denies private peers where the relay’s own address is public, and lets the operator decide', () => {
    const texts = (args: string[], ip: string) => {
      const { allow, deny } = read(args, { PUBLIC_IP4_ADDR: ip, AUTH_SECRET: 'x' }).peers
      return { allow: allow!.map(String), deny: deny!.map(String) }
    }

    const all = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
    expect(texts([], '203.0.113.1')).toEqual({ allow: [], deny: all })
    for (const inside of ['10.0.0.1', '192.168.0.1', '127.0.0.1'])
      expect(texts([], inside)).toEqual({ allow: [], deny: [] })
    expect(
      texts(
        ['--allow-peer', '10.1.0.0/16, 192.0.2.1', '--deny-peer', '2001:db8::/32', '--deny-peer', 'fd00::/8'],
        '10.0.0.1',
      ),
    ).toEqual({ allow: ['10.1.0.0/16', '192.0.2.1/32'], deny: ['2001:db8::/32', 'fd00::/8'] })
  })

  test('limits allocations, and lets clients go on for a while after a signal', () => {
    const environment = { PUBLIC_IP4_ADDR: '203.0.113.1', AUTH_SECRET: 'x' }

    expect(read([], environment)).toMatchObject({ userQuota: 100, totalQuota: undefined, drain: 0 })
    expect(read('--user-quota 5 --total-quota 50 --drain 30s'.split(' '), environment)).toMatchObject({
      userQuota: 5,
      totalQuota: 50,
      drain: 30_000,
    })
  })

  test.each([
    ['--allow-peer', '10.0.0.1/8'],
    ['--deny-peer', 'example.com'],
    ['--user-quota', '0'],
    ['--drain', 'soon'],
  ])('refuses %s %s', (flag, value) => {
    expect(() => read([flag, value], { PUBLIC_IP4_ADDR: '203.0.113.1', AUTH_SECRET: 'x' })).toThrow(CommanderError)
  })

  test('takes empty variables for absent ones', () => {
    expect(read([], { PUBLIC_IP4_ADDR: '203.0.113.1', PUBLIC_IP6_ADDR: '', AUTH_SECRET: 'x' }).publicAddresses.v6).toBe(
      undefined,
    )
  })

  test('may do without a portal, given a secret', () => {
    expect(read([], { PUBLIC_IP4_ADDR: '203.0.113.1', AUTH_SECRET: 'x' })).toMatchObject({
      portal: undefined,
      authSecret: 'x',
    })
  })

  test('reads the token from the file that it names', () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'))
    const file = join(folder, 'token')
    writeFileSync(file, 'secret\n')

    const { portal } = read([], { PUBLIC_IP4_ADDR: '203.0.113.1', FIREZONE_API_URL: 'ws://x', FIREZONE_TOKEN: file })
    expect(portal!.token).toBe('secret')
    expect(() =>
      read([], { PUBLIC_IP4_ADDR: '203.0.113.1', FIREZONE_API_URL: 'ws://x', FIREZONE_TOKEN: folder }),
    ).toThrow('unreadable')
    rmSync(folder, { recursive: true })
  })

  test('takes a seed of 64 bits', () => {
    const environment = { PUBLIC_IP4_ADDR: '203.0.113.1', AUTH_SECRET: 'x', RNG_SEED: '18446744073709551615' }

    expect(read([], environment).rngSeed).toBe(0xffff_ffff)
  })

  test('names what it doesn’t support', () => {
    const environment = { PUBLIC_IP4_ADDR: '203.0.113.1', AUTH_SECRET: 'x', EBPF_OFFLOADING: 'eth0' }

    expect(read([], environment).ignored).toEqual(['EBPF_OFFLOADING'])
  })
})

describe('an operator’s mistake is one clear line', () => {
  test.each([
    [{}, 'set PUBLIC_IP4_ADDR or PUBLIC_IP6_ADDR: nobody could reach this relay'],
    [{ PUBLIC_IP4_ADDR: 'example.com' }, 'no IPv4 address'],
    [{ PUBLIC_IP4_ADDR: '2001:db8::1' }, 'no IPv4 address'],
    [{ PUBLIC_IP6_ADDR: '203.0.113.1' }, 'no IPv6 address'],
    [{ PUBLIC_IP4_ADDR: '203.0.113.1' }, 'set FIREZONE_API_URL and FIREZONE_TOKEN, or AUTH_SECRET'],
    [{ PUBLIC_IP4_ADDR: '203.0.113.1', FIREZONE_API_URL: 'ws://x' }, 'set FIREZONE_TOKEN'],
    [{ LISTEN_PORT: '70000' }, 'no port'],
    [{ LISTEN_PORT: '0' }, 'no port'],
    [{ RNG_SEED: '-1' }, 'no number'],
    [{ LOG_FORMAT: 'xml' }, 'Allowed choices'],
    [{ RUST_LOG: 'loud' }, 'no log filter'],
    [{ HEALTH_CHECK_ADDR: '8080' }, 'an address and a port are wanted'],
    [
      { PUBLIC_IP4_ADDR: '203.0.113.1', LOWEST_PORT: '2000', HIGHEST_PORT: '1000' },
      'LOWEST_PORT 2000 is above HIGHEST_PORT 1000',
    ],
  ])('%o', (environment, message) => {
    const error = errorOf([], environment)

    expect(error.message).toContain(message)
    expect(error.message).not.toContain('\n')
    if (error instanceof OperatorError) expect(error.exitCode).toBe(2)
  })

  test.each([
    [['--no-such-flag'], 'unknown option'],
    [['--listen-port'], 'argument missing'],
  ])('%o', (args, message) => {
    expect(errorOf(args, {}).message).toContain(message)
  })

  test('but help is none', () => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    const error = errorOf(['--help'], {})
    const text = write.mock.calls.join('')
    write.mockRestore()

    expect(error).toMatchObject({ exitCode: 0 })
    expect(text).toContain('PUBLIC_IP4_ADDR')
  })
})

function read(args: readonly string[], environment: Readonly<Record<string, string>>): Configuration {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  return readConfiguration(['node', 'sallyport-relay', ...args], '1.0.0')
}

function errorOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): OperatorError | CommanderError {
  const complain = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    read(args, environment)
  } catch (error) {
    if (error instanceof OperatorError || error instanceof CommanderError) return error
    throw error
  } finally {
    complain.mockRestore()
  }
  throw new Error('nothing is wrong')
}
