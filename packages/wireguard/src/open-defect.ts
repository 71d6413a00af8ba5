/** The message is no data message, or too short for one. */
export const OPEN_NOT_DATA = -1
/** No session has the receiver index. */
export const OPEN_UNKNOWN_SESSION = -2
/** The session is older than `REJECT_AFTER_TIME`. */
export const OPEN_EXPIRED_SESSION = -3
/** The counter was seen before, lies behind the replay window, or is beyond 2^53 − 1. */
export const OPEN_REPLAYED = -4
/** The tag is wrong. */
export const OPEN_BAD_TAG = -5
/** The message is authentic, but what it holds is neither empty nor an IP packet. */
export const OPEN_NOT_IP = -6

/** What `Tunnel.open` answers where there is no packet: each is negative. */
export type OpenDefect =
  | typeof OPEN_NOT_DATA
  | typeof OPEN_UNKNOWN_SESSION
  | typeof OPEN_EXPIRED_SESSION
  | typeof OPEN_REPLAYED
  | typeof OPEN_BAD_TAG
  | typeof OPEN_NOT_IP

/** The defects of `Tunnel.open` in words, for logs: index by the negated number. */
const NAMES = ['', 'not-data', 'unknown-session', 'expired-session', 'replayed', 'bad-tag', 'not-ip'] as const

/** Returns an {@link OpenDefect} in words. */
export const openDefectName = (defect: OpenDefect): string => NAMES[-defect]!
