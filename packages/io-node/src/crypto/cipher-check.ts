import { Arena, concatBytes, copyBytes, fromHex, type TransportCipher, type TransportKey } from '@sallyport/sans-io'
import { createArena } from '../kernel/kernel.ts'

/**
 * Returns what is wrong with `cipher`, or `undefined` if all known answers came out.
 *
 * Tries messages around every block border and counters around 2^32, in place and from slot to slot, in arenas of both
 * kinds; wrong tags must be refused and bytes around a message must stay as they are.
 */
export function cipherDefect(cipher: TransportCipher): string | undefined {
  const key = cipher.importKey(Uint8Array.from({ length: 32 }, (_, i) => i * 7 + 1))
  for (const arena of [createArena(ARENA_LENGTH), Arena.ofLength(ARENA_LENGTH)])
    for (const into of [FROM, ELSEWHERE])
      for (const [counter, length, tag] of KNOWN_TAGS) {
        const expected = fromHex(tag)
        const plaintext = Uint8Array.from({ length }, (_, i) => i * 13 + length)
        const told = `of ${length} bytes, counter ${counter}, ${into === FROM ? 'in place' : 'from slot to slot'}`

        arena.bytes.fill(GUARD)
        arena.bytes.set(plaintext, FROM)
        cipher.seal(key, counter, arena, FROM, length, into)
        const sealed = copyBytes(arena.bytes.subarray(into, into + length))
        if (!same(arena.bytes, into + length, expected)) return `wrong tag when sealing ${told}`
        if (!all(arena.bytes, 0, FROM - 64) || !all(arena.bytes, into + length + 32, into + ROOM))
          return `stray bytes when sealing ${told}`

        arena.bytes.fill(GUARD)
        arena.bytes.set(sealed, FROM)
        arena.bytes.set(expected, FROM + length)
        if (!cipher.open(key, counter, arena, FROM, length, into)) return `right tag refused when opening ${told}`
        if (!same(arena.bytes, into, plaintext)) return `wrong plaintext when opening ${told}`
        if (!all(arena.bytes, FROM + length + 16, FROM + ROOM)) return `stray bytes when opening ${told}`

        if (!opensAtTheEnd(cipher, key, counter, sealed, expected)) return `right tag refused at an arena's end ${told}`

        for (const flip of [FROM, FROM + length, FROM + length + 15]) {
          arena.bytes.set(sealed, FROM)
          arena.bytes.set(expected, FROM + length)
          arena.bytes[flip]! ^= 1
          if (cipher.open(key, counter, arena, FROM, length, into)) return `wrong tag accepted when opening ${told}`
        }
      }
  return undefined
}

/** Whether a message is opened that has nothing behind its tag. */
function opensAtTheEnd(
  cipher: TransportCipher,
  key: TransportKey,
  counter: number,
  sealed: Uint8Array,
  tag: Uint8Array,
): boolean {
  const arena = new Arena(concatBytes(new Uint8Array(FROM), sealed, tag))
  return cipher.open(key, counter, arena, FROM, sealed.length, FROM)
}

const FROM = 64
const ROOM = 1600
const ELSEWHERE = FROM + ROOM + 64
const ARENA_LENGTH = ELSEWHERE + ROOM
const GUARD = 0xa5

const same = (bytes: Uint8Array, at: number, expected: Uint8Array): boolean =>
  expected.every((byte, i) => bytes[at + i] === byte)

const all = (bytes: Uint8Array, from: number, to: number): boolean =>
  bytes.subarray(from, to).every(byte => byte === GUARD)

/** Counter, length and tag: RFC 8439 as OpenSSL computes it, for the key and plaintexts above. */
const KNOWN_TAGS: readonly (readonly [counter: number, length: number, tag: string])[] = [
  [0, 0, '5cc659e9518301de73d012128debbfb3'],
  [1, 1, '13a5b76dbe3678e8754425b18e7f8b61'],
  [2, 15, '6d62e0cd452f2d45ff28ff6189e60010'],
  [3, 16, 'b8935b2e0764825a88dcbf56d2b9ba25'],
  [4, 17, 'c9f1ec6e695e5933b5f3506f83286ec4'],
  [5, 63, '78f61e59398c3f3b107dd7f61c579813'],
  [6, 64, '483c7328e9603e4969cf85cc96edddd1'],
  [7, 191, '2a757cf3ddb88a2d31a8b2c6327fef40'],
  [8, 193, '001b42d654b1793dccfdbb80a8b160cb'],
  [4294967295, 448, 'cb8bded0d9cccf89d5ef757be4e3efe7'],
  [4294967296, 1280, '2103d5959926a91b54dcfc34d4d45372'],
  [1099511627783, 1421, '53eb5c378ff5d155d9d6a7cad06d8de2'],
]
