import dgram from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Later } from './later.ts'
import { libc } from './libc.ts'
import { NativeMemory } from './memory.ts'
import { isNative } from './mode.ts'
import { type Watch, watchReadable } from './watch.ts'

describe.runIf(isNative())('the watch on a descriptor', () => {
  const c = libc()!
  let memory: NativeMemory
  let fd: number
  let port: number
  let sender: dgram.Socket
  let watch: Watch | undefined

  beforeEach(() => {
    memory = new NativeMemory(256)
    fd = c.socket(2, 2 | 0o4000, 0)
    memory.view.setUint16(0, 2, true)
    memory.bytes.set([127, 0, 0, 1], 4)
    expect(c.bind(fd, memory.address, 16)).toBe(0)
    memory.view.setUint32(32, 16, true)
    c.getsockname(fd, memory.address, memory.address + 32)
    port = memory.view.getUint16(2)
    sender = dgram.createSocket('udp4')
  })
  afterEach(() => {
    watch?.close()
    c.close(fd)
    sender.close()
  })

  const drain = (): void => {
    while (c.recv(fd, memory.address + 64, 64, 0) >= 0);
  }

  test('work handed on by its callback runs at once, although promises made in it would wait', async () => {
    const later = new Later()
    const handedOn = new Promise<number>(resolve => {
      watch = watchReadable(fd, () => {
        drain()
        const start = performance.now()
        later.run(() => {
          void Promise.resolve().then(() => resolve(performance.now() - start))
        })
      })
    })

    sender.send('x', port, '127.0.0.1')

    expect(await handedOn).toBeLessThan(100)
  })

  test('an exception in its callback becomes an uncaught exception', async () => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const uncaught = once(process, 'uncaughtException')
      watch = watchReadable(fd, () => {
        drain()
        throw new Error('thrown in a callback')
      })

      sender.send('x', port, '127.0.0.1')

      const [error] = (await uncaught) as [Error]
      expect(error.message).toBe('thrown in a callback')
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })

  test('it goes on while garbage is collected', async () => {
    const { setFlagsFromString } = await import('node:v8')
    const { runInNewContext } = await import('node:vm')
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    let seen = 0
    let notify = (): void => {}
    watch = watchReadable(fd, () => {
      drain()
      seen++
      notify()
    })

    for (let i = 0; i < 20; i++) {
      gc()
      const next = new Promise<void>(resolve => {
        notify = resolve
      })
      sender.send('x', port, '127.0.0.1')
      const poke = setInterval(() => {}, 1) // the promise is settled inside of the callback: let something wake the loop
      await next
      clearInterval(poke)
    }

    expect(seen).toBe(20)
  })

  test('after its end the callback is not called any more, not even when it ended itself', async () => {
    let calls = 0
    watch = watchReadable(fd, () => {
      calls++
      watch!.close()
      watch!.close()
    })

    sender.send('x', port, '127.0.0.1')
    while (calls === 0) await new Promise(resolve => setTimeout(resolve, 1))
    sender.send('y', port, '127.0.0.1')
    await new Promise(resolve => setTimeout(resolve, 5))

    expect(calls).toBe(1)
  })
})

test('tasks run in order in one turn, and those behind one that throws in the next', async () => {
  const later = new Later()
  const order: string[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const uncaught = once(process, 'uncaughtException')
    later.run(() => order.push('a'))
    later.run(() => {
      throw new Error('b')
    })
    const done = new Promise<void>(resolve => later.run(() => resolve(void order.push('c'))))

    await uncaught
    await done

    expect(order).toEqual(['a', 'c'])
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})
