import { expect, test } from 'vitest'
import { unreachable } from './brand.ts'
import { drive } from './drive.ts'
import { silentLogger } from './logger.ts'
import type { SansIo } from './machine.ts'
import type { Instant } from './time.ts'

test('events are heard before transmits leave, and what they stir up leaves too', () => {
  const machine = new Echo()
  const world = new World()
  world.onEvent = event => {
    world.log.push(`event ${event}`)
    if (event === 'a') machine.transmits.push('because of a')
  }
  const { input } = drive(machine, world)

  expect(input('a')).toBe(true)

  expect(world.log).toEqual(['event a', 'send a', 'send because of a', 'flush'])
})

test('an input given while draining is covered by the drain that is under way', () => {
  const machine = new Echo()
  const world = new World()
  let loop: { input(text: string): boolean }
  world.onEvent = event => {
    world.log.push(`event ${event}`)
    if (event === 'a') loop.input('b')
  }
  loop = drive(machine, world)
  loop.input('a')

  expect(world.log).toEqual(['event a', 'event b', 'send a', 'send b', 'flush'])
})

test('the one timer is armed after each drain, and wakes the machine', () => {
  const machine = new Echo()
  machine.deadline = 5 as Instant
  const world = new World()
  drive(machine, world)

  expect(world.wakeUp?.at).toBe(5)
  world.wakeUp?.wake()
  expect(world.log).toContain('send tick')
  expect(world.wakeUp).toBeUndefined()
})

test('a stopped loop touches its machine no more', () => {
  const machine = new Echo()
  machine.deadline = 5 as Instant
  const world = new World()
  const loop = drive(machine, world)
  const { wake } = world.wakeUp!
  loop.stop()
  wake()
  machine.transmits.push('late')
  loop.drain()

  expect(world.wakeUp).toBeUndefined()
  expect(world.log).not.toContain('send tick')
  expect(world.log).not.toContain('send late')
})

test('a drain that throws leaves the loop usable', () => {
  const machine = new Echo()
  const world = new World()
  world.onEvent = () => {
    throw new Error('ours')
  }
  const loop = drive(machine, world)

  expect(() => loop.input('a')).toThrow('ours')
  world.onEvent = event => void world.log.push(`event ${event}`)
  loop.input('b')
  expect(world.log).toContain('event b')
})

test('an unreachable place that is reached says with what', () => {
  expect(() => unreachable({ type: 'odd' } as never)).toThrow('unreachable: {"type":"odd"}')
})

test('the silent logger is silent', () => {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(silentLogger[level]({}, '')).toBeUndefined()
})

/** Answers each input with an event and a transmit, and its deadline with a tick. */
class Echo implements SansIo<string, string, string> {
  readonly transmits: string[] = []
  readonly events: string[] = []
  deadline: Instant | undefined

  handleInput(input: string): boolean {
    this.events.push(input)
    this.transmits.push(input)
    return true
  }
  handleTimeout(): void {
    this.deadline = undefined
    this.transmits.push('tick')
  }
  pollTransmit(): string | undefined {
    return this.transmits.shift()
  }
  pollEvent(): string | undefined {
    return this.events.shift()
  }
  pollTimeout(): Instant | undefined {
    return this.deadline
  }
}

class World {
  log: string[] = []
  wakeUp: { at: Instant; wake: () => void } | undefined
  onEvent = (event: string): void => void this.log.push(`event ${event}`)
  readonly now = (): Instant => 5 as Instant
  readonly send = (transmit: string): void => void this.log.push(`send ${transmit}`)
  readonly flush = (): void => {
    if (this.log.length > 0) this.log.push('flush')
  }
  readonly wakeAt = (at: Instant | undefined, wake: () => void): void => {
    this.wakeUp = at === undefined ? undefined : { at, wake }
  }
}
