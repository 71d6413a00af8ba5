#!/usr/bin/env node
import { createLogger, onShutdownSignal, runMain } from '@sallyport/service'
import manifest from '../package.json' with { type: 'json' }
import { readConfiguration } from './configuration.ts'
import { startRelay } from './relay.ts'

await runMain(async () => {
  const configuration = readConfiguration(process.argv, manifest.version)
  const { logFormat } = configuration
  const log = createLogger({
    filter: configuration.logLevel,
    format: logFormat === 'google-cloud' ? 'json' : logFormat,
  })
  for (const name of configuration.ignored) log.warn({ name }, 'a variable is not supported and ignored')
  let stop = (): void => process.exit(0) // while it starts, too
  onShutdownSignal(
    signal => {
      log.info({ signal }, 'shutting down')
      stop()
    },
    () => process.exit(1),
  )
  const relay = await startRelay(configuration, manifest.version, log)
  stop = relay.stop
  await relay.done
})
