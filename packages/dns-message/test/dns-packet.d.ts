/** As much of the oracle as tests use: it brings no types of its own. */
declare module 'dns-packet' {
  interface Decoded {
    readonly questions: readonly unknown[]
    readonly answers: readonly { readonly type: string; readonly data: unknown }[]
  }
  export const RECURSION_DESIRED: number
  export const DNSSEC_OK: number
  export function decode(bytes: Uint8Array): Decoded
  export function encode(packet: unknown): Uint8Array
}

declare const Buffer: { from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array }
