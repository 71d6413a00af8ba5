/** How a program is asked to end. */
export type ShutdownSignal = 'SIGINT' | 'SIGTERM'

/**
 * Calls `first` on the first SIGINT or SIGTERM and `again` on each one behind it. Returns how to stop listening.
 *
 * The first asks for a graceful end; a second one comes from somebody who has lost patience.
 */
export function onShutdownSignal(first: (signal: ShutdownSignal) => void, again: () => void): () => void {
  let count = 0
  const handle = (signal: NodeJS.Signals): void => {
    if (count++ === 0) first(signal as ShutdownSignal)
    else again()
  }
  process.on('SIGINT', handle)
  process.on('SIGTERM', handle)
  return () => {
    process.off('SIGINT', handle)
    process.off('SIGTERM', handle)
  }
}
