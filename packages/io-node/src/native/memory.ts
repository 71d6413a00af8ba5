import { nativeLibrary } from './library.ts'

/**
 * A block of zeroed memory whose address is known, for the structures of system calls.
 *
 * Keep a reference to it for as long as anybody may use its address: the address alone doesn't keep it alive.
 */
export class NativeMemory {
  readonly bytes: Uint8Array
  /** Accessors over exactly {@link bytes}; native structures are little-endian here. */
  readonly view: DataView
  /** Where the block begins. */
  readonly address: number

  constructor(length: number) {
    const library = nativeLibrary()
    if (library === undefined) throw new Error('there is no native memory without native code')
    this.bytes = new Uint8Array(new ArrayBuffer(length)) // zeroed: a stray msg_name makes every sendmsg fail
    this.view = new DataView(this.bytes.buffer)
    this.address = library.addressOf(this.bytes)
  }

  /** Writes an unsigned 64-bit number that is exact as a JavaScript number: an address or a length. */
  setWord(offset: number, value: number): void {
    this.view.setUint32(offset, value % 0x1_0000_0000, true)
    this.view.setUint32(offset + 4, value / 0x1_0000_0000, true)
  }
}
