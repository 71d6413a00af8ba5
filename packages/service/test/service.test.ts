import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError, InvalidArgumentError, Option } from 'commander'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createLogger,
  createProgram,
  describeError,
  deviceId,
  forgetEmptyVariables,
  hostVersion,
  makeFolder,
  mayAdministrateNetwork,
  OperatorError,
  onShutdownSignal,
  parseApiUrl,
  parseDuration,
  parseDurationOption,
  parseListenAddress,
  parseLogFilterOption,
  parseProgram,
  peerOptions,
  readTokenFile,
  report,
  serveHealth,
  setSysctl,
  takeTokenVariable,
} from '../src/index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('a folder', () => {
  test('is made with those above it, for its owner only, and may exist', () => {
    const path = join(folder, 'a', 'b')
    makeFolder(path, 0o700)
    makeFolder(path, 0o700)

    expect([modeOf(path), modeOf(join(folder, 'a'))]).toEqual([0o700, 0o700])
  })

  test('that can’t be made is an error, and no endless loop', () => {
    expect(() => makeFolder('/proc/none/folder', 0o700)).toThrow(/ENOENT|EACCES|EPERM/)
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolder(join(folder, 'file', 'x'), 0o700)).toThrow(/ENOTDIR|EEXIST/)
  })
})

describe('the device id', () => {
  const file = () => ({ path: join(folder, 'config', 'id.json'), whenNotJson: 'refuse' }) as const

  test('is created if missing and read again as it is', () => {
    const id = deviceId(file())

    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.parse(readFileSync(file().path, 'utf8'))).toEqual({ id })
    expect(deviceId(file())).toBe(id)
    expect(modeOf(file().path)).toBe(0o640)
    expect(modeOf(join(folder, 'config'))).toBe(0o770)
  })

  test('that exists is kept, whatever it looks like, and protected again', () => {
    const path = join(folder, 'id')
    writeFileSync(path, '{"id":"EFC7A9E3-3576-4633-B633-7D47BA9E14AC"}', { mode: 0o666 })

    expect(deviceId({ path, whenNotJson: 'refuse' })).toBe('EFC7A9E3-3576-4633-B633-7D47BA9E14AC')
    expect(modeOf(path)).toBe(0o640)
  })

  test('that is no JSON is refused or taken as it is', () => {
    const path = join(folder, 'id')
    writeFileSync(path, ' my-gateway\n')

    expect(deviceId({ path, whenNotJson: 'take-text' })).toBe('my-gateway')
    expect(() => deviceId({ path, whenNotJson: 'refuse' })).toThrow(OperatorError)
    expect(readFileSync(path, 'utf8')).toBe(' my-gateway\n')
  })

  test('that can neither be read nor stored is an error for the operator', () => {
    const path = join(folder, 'file', 'id')
    writeFileSync(join(folder, 'file'), '')
    expect(() => deviceId({ path, whenNotJson: 'refuse' })).toThrow(OperatorError)
    expect(() => deviceId({ path: folder, whenNotJson: 'refuse' })).toThrow(OperatorError)
  })
})

describe('the token', () => {
  const owner = () => ({ uid: process.getuid!(), gid: process.getgid!() })
  const fileWith = (mode: number): string => {
    const path = join(folder, 'token')
    writeFileSync(path, ' secret\n')
    chmodSync(path, mode)
    return path
  }

  test('is taken out of the environment', () => {
    const environment = { FIREZONE_TOKEN: ' abc ' } as NodeJS.ProcessEnv

    expect(takeTokenVariable('FIREZONE_TOKEN', environment)).toBe('abc')
    expect(environment).toEqual({})
    expect(takeTokenVariable('FIREZONE_TOKEN', environment)).toBeUndefined()
  })

  test('may be a path in the environment', () => {
    expect(takeTokenVariable('T', { T: fileWith(0o600) } as NodeJS.ProcessEnv)).toBe('secret')
    expect(() => takeTokenVariable('T', { T: '/does/not/exist' } as NodeJS.ProcessEnv)).toThrow(OperatorError)
  })

  test.each([0o600, 0o400, 0o200])('in a file of mode %o is taken', mode => {
    if (mode === 0o200 && process.getuid!() !== 0) return
    expect(readTokenFile(fileWith(mode), owner())).toBe('secret')
  })

  test.each([0o640, 0o604, 0o700, 0o660])('in a file of mode %o is refused', mode => {
    expect(() => readTokenFile(fileWith(mode), owner())).toThrow(/chmod 600/)
  })

  test('in a file of another user or group is refused', () => {
    expect(() => readTokenFile(fileWith(0o600), { ...owner(), uid: 12345 })).toThrow(/belong/)
    expect(() => readTokenFile(fileWith(0o600), { ...owner(), gid: 12345 })).toThrow(/belong/)
  })

  test('that is not there is undefined, one that isn’t UTF-8 an error', () => {
    expect(readTokenFile(join(folder, 'nothing'))).toBeUndefined()
    writeFileSync(join(folder, 'binary'), Uint8Array.of(0xff), { mode: 0o600 })
    expect(() => readTokenFile(join(folder, 'binary'), owner())).toThrow(/unreadable/)
    expect(() => readTokenFile(join(folder, 'binary', 'below'))).toThrow(/looked at/)
  })
})

describe('what the machine says of itself', () => {
  test('is taken from os-release', () => {
    expect(hostVersion('1.5.8', 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.0\n')).toMatchObject({
      osName: 'Alpine Linux',
      osVersion: '3.20.0',
      version: '1.5.8',
    })
    expect(hostVersion('1.5.8', '')).toMatchObject({ osVersion: undefined })
  })

  test('tells whether we may administrate networks', () => {
    expect(mayAdministrateNetwork('CapEff:\t0000000000001000\n')).toBe(true)
    if (process.getuid!() !== 0) expect(mayAdministrateNetwork('CapEff:\t0000000000000fff\n')).toBe(false)
  })

  test('a kernel parameter that is not there can not be set', () => {
    expect(setSysctl('sallyport/nothing', '1', createLogger({ filter: 'off' }))).toBe(false)
  })
})

describe('logs', () => {
  const lines = (filter?: string): string[] => {
    const written: string[] = []
    const logger = createLogger({ filter, stream: { write: line => void written.push(line) } })
    logger.debug({ a: 1 }, 'one')
    logger.info({ b: 2 }, 'two')
    logger.error({ error: new Error('three') }, 'failed')
    return written
  }

  test('are one JSON object a line with time, severity and message', () => {
    const [info, error] = lines().map(line => JSON.parse(line))

    expect(info).toEqual({ severity: 'INFO', time: expect.stringMatching(/^\d{4}-.*Z$/), b: 2, message: 'two' })
    expect(error).toMatchObject({ severity: 'ERROR', message: 'failed', error: { message: 'three' } })
  })

  test.each([
    ['debug', 3],
    ['warn,snownet=debug', 1],
    ['off', 0],
    ['snownet=debug', 2],
  ])('are filtered by %s', (filter, count) => {
    expect(lines(filter)).toHaveLength(count)
  })
})

describe('durations', () => {
  test.each([
    ['5m', 300_000],
    ['1h 30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['500ms', 500],
    ['10', undefined],
    ['1 fortnight', undefined],
    ['', undefined],
    ['9999999999999999d', undefined],
  ])('%j is %j ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected)
  })
})

describe('options', () => {
  test('of a listen address and a duration are checked', () => {
    expect(parseListenAddress('0.0.0.0:8080')).toEqual({ host: '0.0.0.0', port: 8080 })
    expect(parseListenAddress('[::]:80')).toEqual({ host: '::', port: 80 })
    expect(() => parseListenAddress('8080')).toThrow(InvalidArgumentError)
    expect(() => parseListenAddress('a:70000')).toThrow(InvalidArgumentError)
    expect(parseDurationOption('1h')).toBe(3_600_000)
    expect(() => parseDurationOption('soon')).toThrow(InvalidArgumentError)
  })

  test('of a portal and a log filter are checked', () => {
    expect(parseApiUrl('wss://api.example.com/x')).toBe('wss://api.example.com/x')
    for (const wrong of ['api.example.com', 'ftp://api.example.com', 'wss://', '']) {
      expect(() => parseApiUrl(wrong)).toThrow(InvalidArgumentError)
    }
    expect(parseLogFilterOption('WARN,snownet::node=debug')).toBe('WARN,snownet::node=debug')
    for (const wrong of ['loud', 'x=', '!!', 'info,']) {
      expect(() => parseLogFilterOption(wrong)).toThrow(InvalidArgumentError)
    }
  })

  test('of a command of a program are forgotten, too, where a variable is empty', () => {
    vi.stubEnv('SALLYPORT_TEST', '')
    const program = createProgram('x', '', '1')
    program.command('serve').addOption(new Option('--listen <address>').env('SALLYPORT_TEST'))
    forgetEmptyVariables(program)

    expect(process.env['SALLYPORT_TEST']).toBeUndefined()
    vi.unstubAllEnvs()
  })

  test('that are either there or not can be switched off by a variable that says no', () => {
    const parse = (value: string): unknown => {
      process.env['FIREZONE_NO_TELEMETRY'] = value
      const program = createProgram('test', 'tests', '1')
      for (const option of peerOptions()) program.addOption(option)
      parseProgram(program, ['node', 'test'])
      delete process.env['FIREZONE_NO_TELEMETRY']
      return program.opts()['telemetry']
    }

    expect(['true', '1', 'false', ''].map(parse)).toEqual([false, false, true, true])
  })

  test('keep their defaults where a variable is empty', () => {
    process.env['FIREZONE_API_URL'] = ''
    const program = createProgram('test', 'tests', '1')
    for (const option of peerOptions()) program.addOption(option)
    parseProgram(program, ['node', 'test'])

    expect(program.opts()['apiUrl']).toBe('wss://api.firezone.dev')
    delete process.env['FIREZONE_API_URL']
  })

  test('of peers have their places in the environment', () => {
    expect(peerOptions().map(option => option.envVar)).toEqual([
      'FIREZONE_API_URL',
      'RUST_LOG',
      'FIREZONE_NAME',
      'FIREZONE_ID',
      'FIREZONE_NO_TELEMETRY',
      'FIREZONE_METRICS',
      'OTLP_GRPC_ENDPOINT',
    ])
  })
})

describe('the end of a program', () => {
  const written: string[] = []
  const reportQuietly = (error: unknown): number => {
    const write = vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0)
    try {
      return report(error)
    } finally {
      write.mockRestore()
    }
  }
  beforeEach(() => void written.splice(0))

  test('by an operator’s mistake is one line with its causes', () => {
    const cause = new Error('EACCES: permission denied,\n  open')

    expect(reportQuietly(new OperatorError('token is unreadable', { cause }))).toBe(1)
    expect(written).toEqual(['error: token is unreadable: EACCES: permission denied, open\n'])
  })

  test('by our own mistake leaves a stack', () => {
    expect(reportQuietly(new TypeError('x is undefined'))).toBe(1)
    expect(written[0]).toMatch(/TypeError: x is undefined\n +at /)
  })

  test('by a mistake of usage is 2, after help it is 0', () => {
    const program = createProgram('test', 'tests', '1').configureOutput({ writeErr: () => {}, writeOut: () => {} })
    const parse = (...args: string[]): unknown => {
      try {
        return program.parse(args, { from: 'user' })
      } catch (error) {
        return error
      }
    }

    expect(parse('--nonsense')).toBeInstanceOf(CommanderError)
    expect(reportQuietly(parse('--nonsense'))).toBe(2)
    expect(reportQuietly(parse('--help'))).toBe(0)
  })

  test('is described with each cause once', () => {
    const inner = new Error('inner')
    expect(describeError(new Error('outer: inner', { cause: inner }))).toBe('outer: inner')
    expect(describeError('text')).toBe('text')
  })

  test('is asked for by a first signal and urged by a second', () => {
    const heard: string[] = []
    const stop = onShutdownSignal(
      signal => heard.push(signal),
      () => heard.push('again'),
    )
    process.emit('SIGTERM', 'SIGTERM')
    process.emit('SIGINT', 'SIGINT')
    stop()

    expect(heard).toEqual(['SIGTERM', 'again'])
    expect(process.listenerCount('SIGTERM')).toBe(0)
  })
})

describe('the health endpoint', () => {
  test('answers 200 at /healthz and nowhere else', async () => {
    const server = serveHealth({ host: '127.0.0.1', port: 0 }, createLogger({ filter: 'off' }))
    const port = await server.port

    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
    server.close()
  })

  test('that can not be bound is no disaster', async () => {
    const logger = createLogger({ filter: 'off' })
    const first = serveHealth({ host: '127.0.0.1', port: 0 }, logger)
    const second = serveHealth({ host: '127.0.0.1', port: (await first.port)! }, logger)

    expect(await second.port).toBeUndefined()
    first.close()
    second.close()
  })
})
