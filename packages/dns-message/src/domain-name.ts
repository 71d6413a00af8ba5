/** The most bytes of a label (RFC 1035 §2.3.4). */
const MAX_LABEL_LENGTH = 63
/** The most bytes of a name on the wire, the root label's included (RFC 1035 §2.3.4). */
export const MAX_NAME_LENGTH = 255

/**
 * A domain name (RFC 1035 §3.1): immutable, in the case that it was given in, compared without regard to case.
 *
 * Its text has no trailing dot; in labels, dots, spaces and backslashes have a backslash in front, and bytes outside of
 * printable ASCII are a backslash with three decimal digits. The root is `.`.
 */
export class DomainName {
  /** The name of the root: no labels. */
  static readonly ROOT: DomainName = new DomainName(Uint8Array.of(0))

  /** The name on the wire, without compression: lengths and labels, to the zero at the end. Not to be written to. */
  readonly wire: Uint8Array
  #text: string | undefined
  #key: string | undefined

  private constructor(wire: Uint8Array) {
    this.wire = wire
  }

  /** Parses text, with or without a trailing dot; `undefined` for empty or overlong labels, and for bare non-ASCII. */
  static parse(text: string): DomainName | undefined {
    if (text === '.') return DomainName.ROOT
    const wire: number[] = [0]
    let lengthAt = 0
    for (let i = 0; i < text.length; i++) {
      const c = text[i]!
      if (c === '.') {
        if (wire[lengthAt] === 0) return undefined
        if (i === text.length - 1) break
        lengthAt = wire.push(0) - 1
        continue
      }
      let byte = c.charCodeAt(0)
      if (c === '\\') {
        const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))
        if (digits === null && i + 1 >= text.length) return undefined
        byte = digits === null ? text.charCodeAt(i + 1) : Number(digits[0])
        if (digits !== null && byte > 255) return undefined
        i += digits === null ? 1 : 3
        if (digits === null && byte > 0x7e) return undefined
      } else if (byte > 0x7e) return undefined
      wire.push(byte)
      if (++wire[lengthAt]! > MAX_LABEL_LENGTH || wire.length >= MAX_NAME_LENGTH) return undefined
    }
    if (wire[lengthAt] === 0) return undefined
    wire.push(0)
    return new DomainName(Uint8Array.from(wire))
  }

  /** Like {@link parse} for text that is known to be right; throws a `RangeError` where it isn't. */
  static of(text: string): DomainName {
    const name = DomainName.parse(text)
    if (name === undefined) throw new RangeError(`not a domain name: ${text}`)
    return name
  }

  /** Makes a name of its labels, given as bytes; `undefined` if one is empty or too long, or all together are. */
  static fromLabels(labels: readonly Uint8Array[]): DomainName | undefined {
    const wire: number[] = []
    for (const label of labels) {
      if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
      wire.push(label.length, ...label)
      if (wire.length >= MAX_NAME_LENGTH) return undefined
    }
    wire.push(0)
    return new DomainName(Uint8Array.from(wire))
  }

  /** Text without a trailing dot, in the case that the name was given in. */
  get text(): string {
    this.#text ??= this.wire.length === 1 ? '.' : this.labels.map(labelText).join('.')
    return this.#text
  }

  /** Equal for two names exactly when they are the same (RFC 4343): {@link text} with ASCII letters in lower case. */
  get key(): string {
    this.#key ??= this.text.replace(/[A-Z]/g, letter => letter.toLowerCase())
    return this.#key
  }

  /** The labels from left to right, as views. */
  get labels(): readonly Uint8Array[] {
    const labels: Uint8Array[] = []
    for (let at = 0; this.wire[at] !== 0; at += 1 + this.wire[at]!)
      labels.push(this.wire.subarray(at + 1, at + 1 + this.wire[at]!))
    return labels
  }

  /** Returns whether this is the same name as `other`, without regard to case. */
  equals(other: DomainName): boolean {
    return this.key === other.key
  }

  /** Returns {@link text}. */
  toString(): string {
    return this.text
  }

  /** Returns {@link text}. */
  toJSON(): string {
    return this.text
  }
}

function labelText(label: Uint8Array): string {
  let text = ''
  for (const byte of label) {
    const c = String.fromCharCode(byte)
    if (byte < 0x20 || byte > 0x7e) text += `\\${byte.toString().padStart(3, '0')}`
    else text += c === '.' || c === ' ' || c === '\\' ? `\\${c}` : c
  }
  return text
}
