import { portableCrypto } from '@sallyport/crypto'
import type { Logger, TransportCipher } from '@sallyport/sans-io'
import { isNative } from '../native/mode.ts'
import { cipherDefect } from './cipher-check.ts'
import { nativeCipher } from './native-cipher.ts'
import { nodeCipher } from './node-cipher.ts'
import { wasmCipher } from './wasm-cipher.ts'

/** The implementations of the packet cipher, fastest first. */
export type CipherName = 'native' | 'wasm' | 'node' | 'portable'

/**
 * Returns the fastest packet cipher that works here and has proved itself with known answers.
 *
 * @param only - Considers just this one. Then an `Error` is thrown if it can't be had or answers wrongly.
 */
export function pickCipher(logger: Logger, only?: CipherName): TransportCipher {
  for (const name of only === undefined ? LADDER : [only]) {
    const tried = tryCipher(name)
    if (typeof tried !== 'string') {
      logger.debug({ cipher: name }, 'picked the packet cipher')
      return tried
    }
    if (only !== undefined) throw new Error(`packet cipher ${name}: ${tried}`)
    if (tried !== NOT_HERE) logger.warn({ cipher: name, defect: tried }, 'a packet cipher answers wrongly')
  }
  throw new Error('no packet cipher answers rightly')
}

const LADDER: readonly CipherName[] = ['native', 'wasm', 'node', 'portable']
const NOT_HERE = 'not available here'

/** Returns the cipher, or why not. */
function tryCipher(name: CipherName): TransportCipher | string {
  let cipher: TransportCipher | undefined
  try {
    cipher = make(name)
    if (cipher === undefined) return NOT_HERE
    return cipherDefect(cipher) ?? cipher
  } catch (error) {
    return String(error)
  }
}

function make(name: CipherName): TransportCipher | undefined {
  switch (name) {
    case 'native':
      return isNative() ? nativeCipher() : undefined
    case 'wasm':
      return wasmCipher()
    case 'node':
      return nodeCipher()
    case 'portable':
      return portableCrypto.transport
  }
}
