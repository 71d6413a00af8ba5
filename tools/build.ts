/**
 * Builds what is published: one ESM file a package, its declarations, and one file an app with all of our libraries in.
 *
 * Usage: npm run build
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as bundle } from 'tsup'

const root = fileURLToPath(new URL('..', import.meta.url))

const REQUIRE =
  "import { createRequire as sallyportRequire } from 'node:module'; const require = sallyportRequire(import.meta.url);"

/** Builds every package and app; throws where one fails. */
export async function build(): Promise<void> {
  if (spawnSync('tsc', ['-b'], { cwd: root, stdio: 'inherit' }).status !== 0) throw new Error('the types are wrong')
  for (const folder of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, folder))) {
      const home = join(root, folder, name)
      const entry = ['src/index.ts', 'src/main.ts'].find(file => existsSync(join(home, file)))
      if (entry !== undefined) await buildOne(home, entry, folder === 'apps')
    }
  }
}

async function buildOne(home: string, entry: string, isApp: boolean): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  const external = Object.keys(manifest.dependencies ?? {}).filter(name => !isApp || !name.startsWith('@sallyport/'))
  await bundle({
    entry: [join(home, entry)],
    outDir: join(home, 'dist'),
    format: ['esm'],
    target: 'es2024',
    platform: isApp ? 'node' : 'neutral',
    sourcemap: true,
    removeNodeProtocol: false, // `node:sqlite` has no other name
    silent: true,
    config: false,
    tsconfig: join(home, 'tsconfig.json'),
    external: [...external, 'koffi', /^node:/],
    // What our libraries bring along is bundled too, and some of that still asks for modules by `require`.
    ...(isApp ? { noExternal: [/^@sallyport\//], banner: { js: REQUIRE } } : {}),
    esbuildOptions: options => {
      options.conditions = ['development']
    },
  })
  if (isApp) chmodSync(join(home, 'dist/main.js'), 0o755)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build()
