/**
 * Why bytes are not a usable STUN message.
 *
 * | defect | means |
 * |---|---|
 * | `truncated-header` | fewer than 20 bytes |
 * | `not-stun` | one of the two top bits is set (RFC 8489 §5) |
 * | `bad-magic-cookie` | bytes 4 to 7 are not 2112A442 |
 * | `unaligned-length` | the declared length is no multiple of 4 |
 * | `truncated-message` | fewer bytes than declared |
 * | `trailing-bytes` | more bytes than declared |
 * | `attribute-overrun` | an attribute does not end inside the message |
 * | `bad-attribute-length` | a known attribute's length does not fit its type |
 * | `bad-attribute-value` | a known attribute's value is not allowed: family, range, text too long or not UTF-8 |
 *
 * The last three leave the header usable: {@link parseStunHeader} reads it for an error response.
 */
export type StunDefect =
  | 'truncated-header'
  | 'not-stun'
  | 'bad-magic-cookie'
  | 'unaligned-length'
  | 'truncated-message'
  | 'trailing-bytes'
  | 'attribute-overrun'
  | 'bad-attribute-length'
  | 'bad-attribute-value'
