/** Returns the sequence number `count` behind `sequence`; sequence numbers are unsigned 32-bit and wrap (RFC 9293 §3.4). */
export const addSequence = (sequence: number, count: number): number => (sequence + count) >>> 0

/** Returns how far `later` is ahead of `earlier`: negative if it's behind. Right for distances below 2^31. */
export const distance = (earlier: number, later: number): number => (later - earlier) | 0

/** Returns whether `a` comes before `b`. */
export const isBefore = (a: number, b: number): boolean => distance(a, b) > 0

/** Returns the later one of two. */
export const latest = (a: number, b: number): number => (isBefore(a, b) ? b : a)

/** Returns whether `sequence` is one of the `length` numbers from `start` on. */
export const isWithin = (sequence: number, start: number, length: number): boolean => (sequence - start) >>> 0 < length
