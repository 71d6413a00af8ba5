export { resolveHost } from './resolve-host.ts'
export { type RunChannelOptions, type RunningChannel, runChannel } from './run-channel.ts'
export { WebSocketAdapter, type WebSocketOptions } from './websocket-adapter.ts'
