import type { Arena, TransportCipher, TransportKey } from '@sallyport/sans-io'
import { addressOfArena } from '../native/arena-address.ts'
import { type NativeFunction, nativeLibrary } from '../native/library.ts'
import { NativeMemory } from '../native/memory.ts'

/** A key and the block counter and nonce that go with it, at a known address. */
interface NativeKey {
  readonly memory: NativeMemory
  readonly address: number
  readonly view: DataView
}

/**
 * ChaCha20-Poly1305 by the bare primitives of the OpenSSL that is linked into the `node` executable.
 *
 * OpenSSL's own AEAD interface costs about as much as the cipher itself for a packet of 1420 bytes. The primitives are
 * exported, but are no promised interface; so they are looked up by name, and `cipher-check.ts` proves them before use.
 *
 * @returns the cipher, or `undefined` where the executable doesn't export them.
 */
export function nativeCipher(): TransportCipher | undefined {
  const library = nativeLibrary()
  if (library === undefined) return undefined
  const chacha20 = library.bind('void ChaCha20_ctr32(uintptr_t, uintptr_t, size_t, uintptr_t, uintptr_t)')
  const start = library.bind('void Poly1305_Init(uintptr_t, uintptr_t)')
  const update = library.bind('void Poly1305_Update(uintptr_t, uintptr_t, size_t)')
  const finish = library.bind('void Poly1305_Final(uintptr_t, uintptr_t)')
  const contextSize = library.bind('size_t Poly1305_ctx_size()')
  if (!chacha20 || !start || !update || !finish || !contextSize) return undefined
  return new NativeCipher({ chacha20, start, update, finish, contextSize: contextSize() })
}

interface Primitives {
  readonly chacha20: NativeFunction
  readonly start: NativeFunction
  readonly update: NativeFunction
  readonly finish: NativeFunction
  readonly contextSize: number
}

class NativeCipher implements TransportCipher {
  readonly name = 'native'
  readonly #chacha20: NativeFunction
  readonly #start: NativeFunction
  readonly #update: NativeFunction
  readonly #finish: NativeFunction
  readonly #scratch: NativeMemory
  /** What lies behind a tag while padding runs over it. */
  readonly #behind = new Uint8Array(16)
  /** Where Poly1305 keeps its state. */
  readonly #context: number
  /** Where the tag lands that a received one is compared with. */
  readonly #tag: number
  /** Where the last, padded block and the lengths are put together. */
  readonly #tail: number

  constructor(primitives: Primitives) {
    this.#chacha20 = primitives.chacha20
    this.#start = primitives.start
    this.#update = primitives.update
    this.#finish = primitives.finish
    this.#scratch = new NativeMemory(CONTEXT_AT + primitives.contextSize + 64)
    this.#context = this.#scratch.address + CONTEXT_AT
    this.#tag = this.#scratch.address + TAG_AT
    this.#tail = this.#scratch.address + TAIL_AT
  }

  importKey(bytes: Uint8Array): TransportKey {
    if (bytes.length !== 32) throw new RangeError(`a key has 32 bytes, not ${bytes.length}`)
    const memory = new NativeMemory(COUNTER_AT + 16)
    memory.bytes.set(bytes)
    const key: NativeKey = { memory, address: memory.address, view: memory.view }
    return key as unknown as TransportKey
  }

  seal(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): void {
    const { address, view } = key as unknown as NativeKey
    const base = addressOfArena(arena)
    const { bytes } = arena
    setCounter(view, 0, counter)
    // Block 0 of the key stream is the Poly1305 key: it appears where 64 zeros lie in front of the plaintext.
    clearBlock(arena.view, from - 64)
    this.#chacha20(base + into - 64, base + from - 64, length + 64, address, address + COUNTER_AT)
    this.#start(this.#context, base + into - 64)
    const end = into + length
    const lengths = (end + ((16 - (length & 15)) & 15)) | 0
    for (let i = end; i < lengths; i++) bytes[i] = 0
    writeLengths(arena.view, lengths, length)
    this.#update(this.#context, base + into, lengths + 16 - into)
    this.#finish(this.#context, base + end) // the tag lands on top of padding and lengths
  }

  open(key: TransportKey, counter: number, arena: Arena, from: number, length: number, into: number): boolean {
    const { address, view } = key as unknown as NativeKey
    const base = addressOfArena(arena)
    const { bytes } = arena
    setCounter(view, 0, counter)
    clearBlock(arena.view, from - 64)
    if (into === from) {
      // In place, the tag has to be computed before the ciphertext is gone.
      this.#chacha20(base + into - 64, base + from - 64, 64, address, address + COUNTER_AT)
    } else {
      this.#chacha20(base + into - 64, base + from - 64, length + 64, address, address + COUNTER_AT)
    }
    this.#start(this.#context, base + into - 64)
    const end = from + length
    const given = arena.view
    const [tag0, tag1] = [given.getInt32(end, true), given.getInt32(end + 4, true)]
    const [tag2, tag3] = [given.getInt32(end + 8, true), given.getInt32(end + 12, true)]
    const lengths = end + ((16 - (length & 15)) & 15)
    if (lengths + 16 <= bytes.length) {
      // One update over ciphertext, padding and lengths: a second one, however short, costs OpenSSL half as much again.
      const behind = lengths - end
      for (let i = 0; i < behind; i++) this.#behind[i] = bytes[end + 16 + i]!
      for (let i = end; i < lengths; i++) bytes[i] = 0
      writeLengths(given, lengths, length)
      this.#update(this.#context, base + from, lengths + 16 - from)
      for (let i = 0; i < behind; i++) bytes[end + 16 + i] = this.#behind[i]!
    } else this.#updateApart(base, bytes, from, length)
    this.#finish(this.#context, this.#tag)
    const made = this.#scratch.view
    const difference =
      (tag0 ^ made.getInt32(TAG_AT, true)) |
      (tag1 ^ made.getInt32(TAG_AT + 4, true)) |
      (tag2 ^ made.getInt32(TAG_AT + 8, true)) |
      (tag3 ^ made.getInt32(TAG_AT + 12, true))
    if (difference !== 0) return false
    if (into === from && length > 0) {
      setCounter(view, 1, counter)
      this.#chacha20(base + into, base + from, length, address, address + COUNTER_AT)
    }
    return true
  }

  /** Authenticates a ciphertext at the very end of an arena, where no padding can follow it. */
  #updateApart(base: number, bytes: Uint8Array, from: number, length: number): void {
    const { bytes: tail, view } = this.#scratch
    const rest = length & 15
    const whole = length - rest
    this.#update(this.#context, base + from, whole)
    tail.fill(0, TAIL_AT, TAIL_AT + 16)
    tail.set(bytes.subarray(from + whole, from + length), TAIL_AT)
    writeLengths(view, TAIL_AT + 16, length)
    this.#update(this.#context, rest > 0 ? this.#tail : this.#tail + 16, rest > 0 ? 32 : 16)
  }
}

/** Layout of a key's memory: the key, then block counter and nonce (RFC 8439 §2.3, with 64 bits of nonce in use). */
const COUNTER_AT = 32

/** Layout of the scratch memory. */
const TAG_AT = 0
const TAIL_AT = 16
const CONTEXT_AT = 64

/** Writes 64 zeros at `at`: faster than `fill`, which is a call out of JavaScript. */
function clearBlock(view: DataView, at: number): void {
  view.setFloat64(at, 0)
  view.setFloat64(at + 8, 0)
  view.setFloat64(at + 16, 0)
  view.setFloat64(at + 24, 0)
  view.setFloat64(at + 32, 0)
  view.setFloat64(at + 40, 0)
  view.setFloat64(at + 48, 0)
  view.setFloat64(at + 56, 0)
}

function setCounter(view: DataView, block: number, counter: number): void {
  view.setUint32(COUNTER_AT, block, true)
  view.setUint32(COUNTER_AT + 8, counter, true) // takes the value modulo 2^32
  view.setUint32(COUNTER_AT + 12, counter / 0x1_0000_0000, true)
}

function writeLengths(view: DataView, at: number, length: number): void {
  view.setUint32(at, 0, true) // no associated data
  view.setUint32(at + 4, 0, true)
  view.setUint32(at + 8, length, true)
  view.setUint32(at + 12, 0, true)
}
