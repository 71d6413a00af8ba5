import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromHex, toHex } from '@sallyport/sans-io'

const folderOf = (target: string): string => fileURLToPath(new URL(`corpus/${target}/`, import.meta.url))

/** One file of the corpus: inputs in hexadecimal, one a line, that are fed one after the other. */
export interface CorpusEntry {
  readonly name: string
  readonly inputs: readonly Uint8Array[]
}

/** Reads what is kept for a target: known good inputs, and all that ever failed. */
export function readCorpus(target: string): CorpusEntry[] {
  const folder = folderOf(target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => name.endsWith('.hex'))
    .map(name => ({ name, inputs: linesOf(readFileSync(folder + name, 'utf8')).map(fromHex) }))
}

/** Keeps inputs that have failed. Returns the name of the file. */
export function keepRegression(target: string, inputs: readonly Uint8Array[], why: string): string {
  const lines = inputs.map(toHex)
  const name = `regression-${createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 8)}.hex`
  mkdirSync(folderOf(target), { recursive: true })
  writeFileSync(folderOf(target) + name, [`# ${why.split('\n')[0]}`, ...lines, ''].join('\n'))
  return `fuzz/corpus/${target}/${name}`
}

const linesOf = (text: string): string[] =>
  text.split('\n').flatMap(line => {
    const hex = line.replace(/#.*/, '').trim()
    return hex === '' ? [] : [hex]
  })
