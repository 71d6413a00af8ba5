/**
 * What Sallyport's programs share as services of an operating system: options, logs, errors for operators, device id,
 * token, health, signals.
 *
 * @packageDocumentation
 */
export { type DeviceIdFile, deviceId } from './device-id.ts'
export { parseDuration } from './duration.ts'
export { makeFolder } from './folder.ts'
export { type HealthServer, serveHealth } from './health.ts'
export { hostVersion, mayAdministrateNetwork, raiseSocketBuffers, setSysctl } from './host.ts'
export { createLogger, type LoggerOptions, type ServiceLogger } from './logger.ts'
export { describeError, OperatorError } from './operator-error.ts'
export {
  createProgram,
  DEFAULT_API_URL,
  forgetEmptyVariables,
  parseApiUrl,
  parseDurationOption,
  parseListenAddress,
  parseLogFilterOption,
  parseProgram,
  peerOptions,
} from './option.ts'
export { report, runMain } from './run-main.ts'
export { onShutdownSignal, type ShutdownSignal } from './signals.ts'
export { readTokenFile, takeTokenVariable } from './token.ts'
