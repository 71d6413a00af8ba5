import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The layers of the house, lowest first: an arrow only ever points down. */
export const LAYERS: readonly (readonly string[])[] = [
  ['sans-io'],
  ['crypto', 'stun', 'ip-packet', 'dns-message'],
  ['ice', 'turn-client', 'turn-server', 'wireguard', 'phoenix-channel'],
  ['snownet', 'portal-protocol'],
  ['tunnel', 'netstack', 'portal-core'],
  ['io-node', 'session', 'service'],
  ['gateway', 'relay', 'client', 'portal'],
]

/** Everything up to this layer is pure: no sockets, no timers, no clock, no randomness, no `node:*`. */
const LAST_PURE_LAYER = 4

/** Packages that a neighbour of the same layer may import: interfaces that live beside their implementations. */
const SAME_LAYER: readonly (readonly [from: string, to: string])[] = []

/** Third-party packages that run-time code may import, by package; apps and `io-node` declare their own. */
const THIRD_PARTY: Readonly<Record<string, readonly string[]>> = {
  crypto: ['@noble/ciphers', '@noble/curves', '@noble/hashes'],
  'portal-protocol': ['zod'],
  'io-node': ['koffi', 'ws'],
  service: ['commander', 'pino', 'pino-pretty'],
  testkit: ['fast-check'],
}

/** One arrow that points the wrong way. */
export interface Violation {
  readonly file: string
  readonly reason: string
}

/** Reads every `package.json` and import below `root` and returns the arrows that break the layering. */
export function findViolations(root: string): Violation[] {
  const found: Violation[] = []
  for (const folder of ['packages', 'apps']) {
    if (!existsSync(join(root, folder))) continue
    for (const name of readdirSync(join(root, folder))) {
      const home = join(root, folder, name)
      if (!existsSync(join(home, 'package.json'))) continue
      if (name !== 'testkit' && layerOf(name) < 0)
        found.push({ file: relative(root, home), reason: 'has no layer: name one in tools/layers.ts' })
      const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as Manifest
      for (const dependency of Object.keys(manifest.dependencies ?? {})) {
        const reason = judge(name, dependency)
        if (reason) found.push({ file: relative(root, join(home, 'package.json')), reason })
      }
      for (const file of sourceFiles(join(home, 'src'))) {
        for (const imported of importsOf(readFileSync(file, 'utf8'))) {
          const reason = judge(name, imported)
          if (reason) found.push({ file: relative(root, file), reason })
        }
        if (isPure(name)) {
          const global = impureGlobal(readFileSync(file, 'utf8'))
          if (global)
            found.push({
              file: relative(root, file),
              reason: `${name} is pure, but uses ${global}: take it as an argument`,
            })
        }
      }
    }
  }
  return found
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
}

const layerOf = (name: string): number => LAYERS.findIndex(layer => layer.includes(name))

const isPure = (name: string): boolean => {
  const layer = layerOf(name)
  return layer >= 0 && layer <= LAST_PURE_LAYER
}

/** Returns why `from` must not import `specifier`, or `undefined` if it may. */
function judge(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.'))
    return /(^|\/)\.\.\/\.\.\/[^.]+\/src\//.test(specifier) ? `reaches into a neighbour's src: ${specifier}` : undefined
  if (specifier.startsWith('node:')) {
    return isPure(from) || from === 'session' || from === 'testkit'
      ? `${from} is pure, but imports ${specifier}: only io-node and the apps touch the machine`
      : undefined
  }
  const own = /^@sallyport\/([^/]+)/.exec(specifier)?.[1]
  if (own !== undefined) {
    if (own === from || from === 'testkit') return undefined
    if (own === 'testkit') return `${from} imports testkit, which is for tests`
    if (specifier !== `@sallyport/${own}`)
      return `${from} reaches into ${own}: what it needs is exported or doesn't exist`
    const [fromLayer, toLayer] = [layerOf(from), layerOf(own)]
    const neighbours = SAME_LAYER.some(([a, b]) => a === from && b === own)
    if (toLayer < fromLayer || neighbours || (from === 'session' && own === 'io-node')) return undefined
    return `${from} (layer ${fromLayer}) imports ${own} (layer ${toLayer}): an arrow only ever points down`
  }
  if (layerOf(from) >= LAYERS.length - 1) return undefined
  const allowed = THIRD_PARTY[from] ?? []
  return allowed.some(name => specifier === name || specifier.startsWith(`${name}/`))
    ? undefined
    : `${from} imports ${specifier}, which is not among its third-party packages`
}

const IMPORT = /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

/** Returns the specifiers that a source text imports or re-exports, type-only ones included. */
export function importsOf(source: string): string[] {
  const code = withoutComments(source)
  return [...code.matchAll(IMPORT)].map(match => (match[1] ?? match[2])!)
}

const IMPURE =
  /\b(Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|Math\.random|crypto\.getRandomValues|process\.\w+|Buffer\.\w+)\b/

function impureGlobal(source: string): string | undefined {
  return IMPURE.exec(withoutComments(source))?.[1]
}

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')

function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name))
    .map(name => join(folder, name))
}
