import fc from 'fast-check'
import type { FuzzTarget } from './target.ts'

/** One change to an input, as plain data, so that a failure shrinks to the changes that matter. `at` is a share of it. */
type Mutation =
  | { readonly type: 'flip-bit'; readonly at: number; readonly bit: number }
  | { readonly type: 'set-byte'; readonly at: number; readonly value: number }
  | { readonly type: 'set-word'; readonly at: number; readonly value: number; readonly size: 2 | 4 }
  | { readonly type: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly type: 'remove'; readonly at: number; readonly length: number }
  | { readonly type: 'truncate'; readonly at: number }
  | { readonly type: 'repeat'; readonly at: number; readonly length: number }
  | {
      readonly type: 'splice'
      readonly at: number
      readonly from: number
      readonly length: number
      readonly other: number
    }

/** An input that was made from a good one. */
export interface MutatedInput {
  readonly seed: number
  readonly mutations: readonly Mutation[]
  readonly isRepaired: boolean
}

/** Values at which lengths, counters and types tend to break. */
const EDGES = [0, 1, 3, 4, 7, 8, 16, 19, 20, 127, 128, 255, 256, 1023, 1280, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff]

const share = fc.double({ min: 0, max: 1, noNaN: true })
const aligned = fc.nat({ max: 16 }).map(words => 4 * words)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ type: fc.constant('flip-bit' as const), at: share, bit: fc.nat({ max: 7 }) }),
  fc.record({ type: fc.constant('set-byte' as const), at: share, value: fc.nat({ max: 255 }) }),
  fc.record({
    type: fc.constant('set-word' as const),
    at: share,
    value: fc.oneof(fc.constantFrom(...EDGES), fc.nat({ max: 0xffff })),
    size: fc.constantFrom(2 as const, 4 as const),
  }),
  fc.record({ type: fc.constant('insert' as const), at: share, bytes: fc.uint8Array({ maxLength: 24 }) }),
  fc.record({ type: fc.constant('remove' as const), at: share, length: aligned }),
  fc.record({ type: fc.constant('truncate' as const), at: share }),
  fc.record({ type: fc.constant('repeat' as const), at: share, length: aligned }),
  fc.record({
    type: fc.constant('splice' as const),
    at: share,
    from: share,
    length: aligned,
    other: fc.nat({ max: 999 }),
  }),
)

/** Inputs made from any of `count` good ones; some are left as they are, and some are repaired afterwards. */
export const mutatedInputs = (count: number): fc.Arbitrary<MutatedInput[]> =>
  fc.array(
    fc.record({
      seed: fc.nat({ max: count - 1 }),
      mutations: fc.array(mutation, { maxLength: 6 }),
      isRepaired: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  )

/** Makes the bytes of an input. */
export function bytesOf(input: MutatedInput, seeds: readonly Uint8Array[], target: FuzzTarget): Uint8Array {
  let bytes = seeds[input.seed % seeds.length]!.slice()
  for (const each of input.mutations) bytes = apply(each, bytes, seeds)
  return input.isRepaired && target.repair !== undefined ? target.repair(bytes) : bytes
}

function apply(
  mutation: Mutation,
  bytes: Uint8Array<ArrayBuffer>,
  seeds: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const anywhere = Math.min(bytes.length, Math.floor(mutation.at * (bytes.length + 1)))
  // Fields begin at even places more often than not.
  const at = mutation.type === 'flip-bit' || mutation.type === 'set-byte' ? anywhere : anywhere & ~1
  switch (mutation.type) {
    case 'flip-bit':
      if (at < bytes.length) bytes[at]! ^= 1 << mutation.bit
      return bytes
    case 'set-byte':
      if (at < bytes.length) bytes[at] = mutation.value
      return bytes
    case 'set-word': {
      const view = new DataView(bytes.buffer)
      if (at + mutation.size > bytes.length) return bytes
      if (mutation.size === 2) view.setUint16(at, mutation.value)
      else view.setUint32(at, mutation.value)
      return bytes
    }
    case 'insert':
      return join(bytes.subarray(0, at), mutation.bytes, bytes.subarray(at))
    case 'remove':
      return join(bytes.subarray(0, at), bytes.subarray(at + mutation.length))
    case 'truncate':
      return bytes.slice(0, anywhere)
    case 'repeat':
      return join(bytes.subarray(0, at + mutation.length), bytes.subarray(at))
    case 'splice': {
      const other = seeds[mutation.other % seeds.length]!
      const from = Math.floor(mutation.from * other.length) & ~1
      return join(bytes.subarray(0, at), other.subarray(from, from + mutation.length), bytes.subarray(at))
    }
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
