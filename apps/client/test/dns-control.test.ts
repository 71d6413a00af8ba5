import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IpAddress, silentLogger } from '@sallyport/sans-io'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ResolvConf, serversIn } from '../src/dns-control.ts'

const BEFORE = 'nameserver 192.0.2.1\nnameserver fe80::1%eth0\nsearch old.example\noptions ndots:5 timeout:1\n'
const SENTINELS = ['100.100.111.1', 'fd00:2021:1111:8000:100:100:111:0'].map(IpAddress.of)
let folder: string
let path: string
const control = () => new ResolvConf(path, silentLogger)
const read = () => readFileSync(path, 'utf8')

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resolv-'))
  path = join(folder, 'resolv.conf')
  writeFileSync(path, BEFORE)
})
afterEach(() => rmSync(folder, { recursive: true }))

test('the file leads to us, and is put back as it was', () => {
  const dns = control()
  dns.set(SENTINELS, 'corp.example')
  expect(read()).toMatch(/^# BEGIN Firezone DNS configuration\n/)
  expect(read()).toContain(
    'nameserver 100.100.111.1\nnameserver fd00:2021:1111:8000:100:100:111:0\nsearch corp.example\noptions timeout:1\n',
  )
  expect(dns.systemServers().map(String)).toEqual(['192.0.2.1', 'fe80::1'])
  dns.set(SENTINELS.slice(1), null)
  expect(read()).not.toContain('corp.example')

  dns.restore()
  expect(read()).toBe(BEFORE)
  dns.restore()
  expect(existsSync(`${path}.before-firezone`)).toBe(false)
})

test('what a killed run has left is put back at the next start', () => {
  control().set(SENTINELS, null)
  control()
  expect(read()).toBe(BEFORE)
})

test('a backup that is left over never takes the place of what was written later', () => {
  const dns = control()
  dns.set(SENTINELS, null)
  writeFileSync(path, 'nameserver 192.0.2.9\n')
  dns.restore()
  control()
  expect(read()).toBe('nameserver 192.0.2.9\n')
  control().set(SENTINELS, null)
  control()
  expect(read()).toBe('nameserver 192.0.2.9\n')
})

test('without a server the file is left alone, or given back', () => {
  const dns = control()
  dns.set([], null)
  expect(read()).toBe(BEFORE)
  dns.set(SENTINELS, null)
  dns.set([], null)
  expect(read()).toBe(BEFORE)
})

test('without its backup the file stays as it is', () => {
  const dns = control()
  dns.set(SENTINELS, null)
  rmSync(`${path}.before-firezone`)
  dns.restore()
  expect(read()).toContain('100.100.111.1')
})

test('a link is refused', () => {
  const link = join(folder, 'link')
  symlinkSync(path, link)
  expect(() => new ResolvConf(link, silentLogger)).toThrow(/regular file/)
})

test('servers are read from lines that name one', () => {
  expect(serversIn('# nameserver 1.1.1.1\n nameserver 2.2.2.2\nnameserver x\n').map(String)).toEqual(['2.2.2.2'])
})
