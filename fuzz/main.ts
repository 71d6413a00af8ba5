// Feeds changed bytes to what strangers can reach, for a while, and shows the least that breaks it.
// Usage: npm run fuzz -- stun|ice|snownet|turn-server|wireguard|ip-packet|dns-message [--seconds 60] [--seed N]
import { parseArgs } from 'node:util'
import { toHex } from '@sallyport/sans-io'
import fc from 'fast-check'
import { keepRegression, readCorpus } from './corpus.ts'
import { bytesOf, type MutatedInput, mutatedInputs } from './mutation.ts'
import type { FuzzTarget } from './target.ts'
import { dnsMessage } from './targets/dns-message.ts'
import { ice } from './targets/ice.ts'
import { ipPacket } from './targets/ip-packet.ts'
import { snownet } from './targets/snownet.ts'
import { stun } from './targets/stun.ts'
import { turnServer } from './targets/turn-server.ts'
import { wireguard } from './targets/wireguard.ts'

const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  stun,
  ice,
  snownet,
  'turn-server': turnServer,
  wireguard,
  'ip-packet': ipPacket,
  'dns-message': dnsMessage,
}
const USAGE = `usage: npm run fuzz -- ${Object.keys(TARGETS).join('|')} [--seconds N] [--seed N]`
const BATCH = 200

process.exitCode = main(process.argv.slice(2))

function main(args: string[]): number {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
  })
  const name = positionals[0] ?? ''
  const target = TARGETS[name]
  const seconds = Number(values.seconds)
  const first = Number(values.seed ?? Date.now() % 2 ** 31)
  if (target === undefined || !(seconds > 0) || !Number.isInteger(first)) {
    console.error(USAGE)
    return 2
  }
  const corpus = readCorpus(name)
  for (const { name: file, inputs } of corpus) {
    try {
      target.run(inputs)
    } catch (error) {
      console.error(`${file} of the corpus fails:`, error)
      return 1
    }
  }
  const seeds = [...corpus.flatMap(({ inputs }) => inputs), ...target.seeds()]
  const property = fc.property(mutatedInputs(seeds.length), inputs => target.run(inputsOf(inputs, seeds, target)))
  const end = performance.now() + 1000 * seconds
  let runs = 0
  for (let seed = first; performance.now() < end; seed++) {
    const result = fc.check(property, { numRuns: BATCH, seed, interruptAfterTimeLimit: end - performance.now() + 1 })
    runs += result.numRuns
    if (!result.failed || result.counterexample === null) continue
    const inputs = inputsOf(result.counterexample[0], seeds, target)
    const why = String(result.errorInstance)
    console.error(fc.defaultReportMessage(result))
    console.error(result.errorInstance)
    console.error(`inputs:\n${inputs.map(toHex).join('\n')}`)
    console.error(`kept as ${keepRegression(name, inputs, why)}; replay: npm run fuzz -- ${name} --seed ${seed}`)
    return 1
  }
  console.log(`${name}: ${runs} runs from ${seeds.length} seeds, none failed (seed ${first})`)
  return 0
}

function inputsOf(inputs: readonly MutatedInput[], seeds: readonly Uint8Array[], target: FuzzTarget): Uint8Array[] {
  return inputs.map(input => bytesOf(input, seeds, target))
}
