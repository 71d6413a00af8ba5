import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findViolations, importsOf } from './layers.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'layers-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('every arrow of this repository points down', () => {
  expect(findViolations(repository)).toEqual([])
})

describe('a planted violation is found, with its reason', () => {
  test('an upward import', () => {
    plant('packages/ice/src/index.ts', "import { Node } from '@sallyport/snownet'\n")

    expect(reasons()).toEqual(['ice (layer 2) imports snownet (layer 3): an arrow only ever points down'])
  })

  test('an upward import of a type alone', () => {
    plant('packages/stun/src/index.ts', "export type { IceAgent } from '@sallyport/ice'\n")

    expect(reasons()).toEqual(['stun (layer 1) imports ice (layer 2): an arrow only ever points down'])
  })

  test('an upward dependency in a package.json', () => {
    plant('packages/ice/package.json', JSON.stringify({ dependencies: { '@sallyport/tunnel': 'workspace:^' } }))

    expect(reasons()).toEqual(['ice (layer 2) imports tunnel (layer 4): an arrow only ever points down'])
  })

  test('an import of a neighbour in the same layer', () => {
    plant('packages/ice/src/index.ts', "import { Allocation } from '@sallyport/turn-client'\n")

    expect(reasons()).toHaveLength(1)
  })

  test('a node: import in a pure package', () => {
    plant('packages/wireguard/src/deep/file.ts', "import { readFileSync } from 'node:fs'\n")

    expect(reasons()).toEqual(['wireguard is pure, but imports node:fs: only io-node and the apps touch the machine'])
  })

  test('a clock read in a pure package', () => {
    plant('packages/ice/src/index.ts', 'export const at = () => Date.now()\n')

    expect(reasons()).toEqual(['ice is pure, but uses Date.now: take it as an argument'])
  })

  test('a third-party package that nobody decided on', () => {
    plant('packages/stun/src/index.ts', "import stun from 'stun'\n")

    expect(reasons()).toEqual(['stun imports stun, which is not among its third-party packages'])
  })

  test("a way into a neighbour's files", () => {
    plant('packages/ice/src/a.ts', "import { x } from '../../stun/src/message.ts'\n")
    plant('packages/ice/src/b.ts', "import { x } from '@sallyport/stun/src/message.ts'\n")

    expect(reasons()).toHaveLength(2)
  })

  test('a package without a layer', () => {
    plant('packages/utils/src/index.ts', 'export {}\n')

    expect(reasons()).toEqual(['has no layer: name one in tools/layers.ts'])
  })
})

test('tests and comments may name what code may not', () => {
  plant(
    'packages/ice/src/index.ts',
    "// import { Node } from '@sallyport/snownet'\n/** Date.now() is not read. */\nexport {}\n",
  )
  plant('packages/ice/src/index.test.ts', "import { readFileSync } from 'node:fs'\n")

  expect(reasons()).toEqual([])
})

test('imports are found in every form', () => {
  const source = `import a from 'a'\nimport {\n  b,\n} from "b"\nimport type { c } from 'c'\nexport * from 'd'\nconst e = import('e')\nimport 'f'\n`

  expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

function plant(file: string, text: string): void {
  const path = join(root, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  const [folder, name] = file.split('/')
  const manifest = join(root, folder!, name!, 'package.json')
  if (path !== manifest) writeFileSync(manifest, '{}')
}

const reasons = (): string[] => findViolations(root).map(({ reason }) => reason)
