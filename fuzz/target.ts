/** Something that takes bytes of strangers and has to survive them. */
export interface FuzzTarget {
  /** Good inputs to begin with, besides those of the corpus. */
  seeds(): Uint8Array[]
  /** Where an input can claim to be whole although it was changed: puts lengths, integrity and checksums right. */
  repair?(bytes: Uint8Array): Uint8Array
  /** Feeds inputs to a machine that is as new. Throws when something holds no more that has to. */
  run(inputs: readonly Uint8Array[]): void
}

/** Throws unless `holds`. */
export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}
