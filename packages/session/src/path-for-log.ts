import type { ConnectionPath } from '@sallyport/tunnel'

/** Returns what a log line tells of the way that a connection takes. */
export function pathForLog(path: ConnectionPath): Readonly<Record<'path' | 'local' | 'remote', string>> {
  return {
    path: path.path === 'peer-to-peer' ? 'direct' : 'relayed',
    local: path.localType,
    remote: path.remoteType,
  }
}
