import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const documents = ['docs/conformance.md', ...readdirSync(`${root}docs/decisions`).map(name => `docs/decisions/${name}`)]

test.each(documents)('every test that %s names exists', document => {
  const cited = [...readFileSync(root + document, 'utf8').matchAll(/`([\w./-]+\.ts) › (.+?)`/g)]

  const missing = cited.flatMap(([, file, name]) => {
    const path = `${root}${file!.startsWith('e2e/') ? '' : 'packages/'}${file}`
    return existsSync(path) && readFileSync(path, 'utf8').includes(name!) ? [] : [`${file} › ${name}`]
  })

  expect(missing).toEqual([])
})
