import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { foldSum, portableChecksum } from '@sallyport/ip-packet'
import { Arena } from '@sallyport/sans-io'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wasmChecksum } from './checksum-kernel.ts'
import { createArena, kernelOf } from './kernel.ts'

const hasClang = ['clang', 'wasm-ld'].every(tool => spawnSync(tool, ['--version']).status === 0)
const here = fileURLToPath(new URL('.', import.meta.url))

test('the checksum kernel agrees with the portable one, at any offset and length', () => {
  const arena = createArena(70_000)
  const run = fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    offset: fc.nat({ max: 40 }),
    sum: fc.nat({ max: 0xfffff }),
  })
  fc.assert(
    fc.property(run, ({ bytes, offset, sum }) => {
      arena.bytes.set(bytes, offset)
      const portable = portableChecksum(arena, offset, bytes.length, sum)
      expect(foldSum(wasmChecksum(arena, offset, bytes.length, sum)) % 0xffff).toBe(foldSum(portable) % 0xffff)
    }),
  )
})

test('the checksum of the longest packet doesn’t overflow', () => {
  const arena = createArena(65_536)
  arena.bytes.fill(0xff)
  expect(foldSum(wasmChecksum(arena, 0, 65_535, 0))).toBe(foldSum(portableChecksum(arena, 0, 65_535, 0)))
})

test('arenas that the kernel can’t reach are summed in JavaScript', () => {
  const arena = new Arena(Uint8Array.of(1, 2, 3))
  expect(kernelOf(arena)).toBeUndefined()
  expect(wasmChecksum(arena, 0, 3, 5)).toBe(0x0102 + 0x0300 + 5)
})

test.runIf(hasClang)('the committed module is what its source compiles to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-kernel-'))
  const rebuilt = join(folder, 'kernel-bytes.ts')
  const { status, stderr } = spawnSync(join(here, 'build.sh'), [rebuilt], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  const same = readFileSync(rebuilt, 'utf8') === readFileSync(join(here, 'kernel-bytes.ts'), 'utf8')
  rmSync(folder, { recursive: true })
  // Another release of clang may compile it otherwise; only ours has to agree.
  const version = spawnSync('clang', ['--version'], { encoding: 'utf8' }).stdout
  if (version.includes('14.0.6')) expect(same).toBe(true)
})
