import { silentLogger } from '@sallyport/sans-io'
import { expect, test } from 'vitest'
import { NameResolver } from '../src/name-resolver.ts'

const fail = (code: string) => Promise.reject(Object.assign(new Error(code), { code }))

function start(answers: { 4?: string[] | string; 6?: string[] | string; lookup?: string[] }) {
  const asked: string[] = []
  const clock = { now: 0 }
  const resolver = new NameResolver(silentLogger, {
    resolve: (name, family) => {
      asked.push(`${name} ${family}`)
      const answer = answers[family] ?? 'ENODATA'
      return typeof answer === 'string' ? fail(answer) : Promise.resolve(answer)
    },
    lookup: () => (answers.lookup === undefined ? fail('ENOTFOUND') : Promise.resolve(answers.lookup)),
    now: () => clock.now,
  })
  const resolve = async (name: string) => (await resolver.resolve(name))?.map(String)
  return { asked, clock, resolve }
}

test('addresses of both families are one answer, which is kept for 30 s', async () => {
  const { asked, clock, resolve } = start({ 4: ['10.0.0.1'], 6: ['fd00::1'] })
  expect(await Promise.all([resolve('a.example'), resolve('A.example')])).toEqual([
    ['10.0.0.1', 'fd00::1'],
    ['10.0.0.1', 'fd00::1'],
  ])
  clock.now = 29_999
  await resolve('a.example')
  expect(asked).toHaveLength(2)
  clock.now = 30_000
  await resolve('a.example')
  expect(asked).toHaveLength(4)
})

test('one family that fails is no failure, and no address at all is an answer', async () => {
  expect(await start({ 4: ['10.0.0.1'], 6: 'ESERVFAIL' }).resolve('a')).toEqual(['10.0.0.1'])
  expect(await start({ 4: 'ENOTFOUND', 6: 'ENOTFOUND' }).resolve('a')).toEqual([])
  expect(await start({ 4: 'ETIMEOUT', 6: 'ETIMEOUT', lookup: ['10.0.0.9'] }).resolve('a')).toEqual(['10.0.0.9'])
  expect(await start({ 4: 'ETIMEOUT', 6: 'ETIMEOUT' }).resolve('a')).toBeUndefined()
})

test('a thousand lookups run at once, no more', async () => {
  const resolver = new NameResolver(silentLogger, {
    resolve: () => new Promise(() => {}),
    lookup: () => new Promise(() => {}),
    now: () => 0,
  })
  for (let i = 0; i < 1000; i++) void resolver.resolve(`n${i}`)
  expect(await resolver.resolve('one too many')).toBeUndefined()
})
