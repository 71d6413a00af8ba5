/** Returns whether the bytes from `offset` on begin with all of `expected`. Not for secrets. */
export function equalAt(expected: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < expected.length; i++) if (expected[i] !== bytes[offset + i]) return false
  return true
}
