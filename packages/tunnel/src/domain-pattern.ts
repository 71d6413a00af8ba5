import type { DomainName } from '@sallyport/dns-message'

/**
 * The address of a DNS resource: which names it stands for. Case doesn't matter.
 *
 * | in a label | stands for |
 * |---|---|
 * | `?` | one character |
 * | `*` | any characters, or none |
 * | `[a-z]`, `[!a-z]` | one character of these, or none of these |
 * | `**` as a whole label | any labels, or none; as the last label at least one |
 *
 * A pattern that begins with `*.` also stands for the rest of itself: `*.example.com` for `example.com`.
 */
export class DomainPattern {
  /** As it was given. */
  readonly text: string
  readonly #labels: readonly string[]
  readonly #rest: string | undefined

  private constructor(text: string) {
    this.text = text
    const lower = toLower(text)
    this.#labels = lower.split('.')
    this.#rest = lower.startsWith('*.') ? lower.slice(2) : undefined
  }

  /** Parses a pattern; `undefined` if it isn't one: `**` beside other characters, or a bracket that isn't closed. */
  static parse(text: string): DomainPattern | undefined {
    const isGood = text.split('.').every(label => label === '**' || (!label.includes('**') && hasClosedClasses(label)))
    return isGood ? new DomainPattern(text) : undefined
  }

  /** Returns whether the pattern stands for `name`. */
  matches(name: DomainName): boolean {
    const labels = name.labels.map(label => toLower(String.fromCharCode(...label)))
    return labels.join('.') === this.#rest || matchLabels(this.#labels, labels)
  }
}

/**
 * Orders the texts of patterns: of two that stand for a name, the first is meant (the more specific one).
 *
 * Compared from the right to the first difference: characters that stand for themselves come before `?`, that before
 * `*`; a pattern that has ended comes before one that goes on.
 */
export function comparePatterns(a: string, b: string): number {
  for (let i = 1; i <= a.length || i <= b.length; i++) {
    const [left, right] = [a.at(-i), b.at(-i)]
    if (left === right) continue
    const [leftRank, rightRank] = [rankOf(left), rankOf(right)]
    if (leftRank !== rightRank) return leftRank - rightRank
    return left! > right! ? -1 : 1
  }
  return 0
}

/** An end 0, any character 1, `?` 2, `*` 3. */
function rankOf(c: string | undefined): number {
  if (c === undefined) return 0
  return c === '*' ? 3 : c === '?' ? 2 : 1
}

/** `**` takes as few labels as it can; only the last one before a mismatch takes more, which is always enough. */
function matchLabels(patterns: readonly string[], labels: readonly string[]): boolean {
  if (patterns.at(-1) === '**') patterns = [...patterns, '*'] // at least one
  let [p, l, starAt, retryAt] = [0, 0, -1, 0]
  while (l < labels.length) {
    if (patterns[p] === '**') {
      starAt = p++
      retryAt = l
    } else if (p < patterns.length && matchLabel(patterns[p]!, labels[l]!)) {
      p++
      l++
    } else if (starAt >= 0) {
      p = starAt + 1
      l = ++retryAt
    } else return false
  }
  while (patterns[p] === '**') p++
  return p === patterns.length
}

/** As {@link matchLabels}, with characters. */
function matchLabel(pattern: string, label: string): boolean {
  let [p, l, starAt, retryAt] = [0, 0, -1, 0]
  while (l < label.length) {
    const length = pattern[p] === '[' ? pattern.indexOf(']', p + 2) + 1 - p : 1
    if (pattern[p] === '*') {
      starAt = p++
      retryAt = l
    } else if (p < pattern.length && matchCharacter(pattern.slice(p, p + length), label[l]!)) {
      p += length
      l++
    } else if (starAt >= 0) {
      p = starAt + 1
      l = ++retryAt
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

function matchCharacter(pattern: string, c: string): boolean {
  if (pattern === '?' || pattern === c) return true
  if (pattern.length < 3) return false
  const isNegated = pattern[1] === '!'
  const members = pattern.slice(isNegated ? 2 : 1, -1)
  for (let i = 0; i < members.length; i++) {
    const isRange = members[i + 1] === '-' && i + 2 < members.length
    const [first, last] = [members[i]!, members[isRange ? i + 2 : i]!]
    if (c >= first && c <= last) return !isNegated
    if (isRange) i += 2
  }
  return isNegated
}

/** A bracket that opens a class has at least one character in front of the one that closes it. */
function hasClosedClasses(label: string): boolean {
  for (let at = label.indexOf('['); at >= 0; ) {
    const end = label.indexOf(']', at + 2)
    if (end < 0) return false
    at = label.indexOf('[', end)
  }
  return true
}

const toLower = (text: string): string => text.replace(/[A-Z]/g, letter => letter.toLowerCase())
