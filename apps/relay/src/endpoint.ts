/** Where a small HTTP server listens. */
export interface Endpoint {
  /** A host name, or an address without brackets. */
  readonly host: string
  /** From 0 to 65535; 0: one that the system chooses. */
  readonly port: number
}

/** Parses `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`, or returns `undefined`. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text)
  if (match === null || Number(match[3]) > 65_535) return undefined
  return { host: match[1] ?? match[2]!, port: Number(match[3]) }
}
