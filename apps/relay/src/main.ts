#!/usr/bin/env node
import manifest from '../package.json' with { type: 'json' }
import { ConfigurationError, readConfiguration } from './configuration.ts'
import { newLog } from './logging.ts'
import { startRelay } from './relay.ts'

/** Runs a relay until a signal or an error. Exits with 0 after a signal, 1 after an error, 2 for a wrong command line. */
async function main(): Promise<void> {
  const configuration = readConfiguration(process.argv.slice(2), manifest.version)
  const log = newLog(configuration.logFormat, configuration.logLevel)
  for (const name of configuration.ignored) log.warn({}, `${name} is not supported and ignored`)
  const fail = (reason: string): void => {
    log.error({}, reason)
    process.exit(1)
  }
  process.on('SIGINT', () => process.exit(0))
  process.on('SIGTERM', () => process.exit(0))
  process.on('uncaughtException', error => fail(error.stack ?? String(error)))
  process.on('unhandledRejection', error =>
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
  try {
    await startRelay(configuration, manifest.version, log, fail)
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof ConfigurationError)) throw error
  if (error.exitCode !== 0) process.stderr.write(`sallyport-relay: ${error.message}\n`)
  process.exit(error.exitCode)
})
