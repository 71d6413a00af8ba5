/** Numbers of record types (IANA). Any other number passes through, with its data opaque. */
export const RecordType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
} as const

/** Response codes (RFC 1035 §4.1.1). */
export const ResponseCode = { NO_ERROR: 0, FORMAT_ERROR: 1, SERVER_FAILURE: 2, NAME_ERROR: 3, REFUSED: 5 } as const

/** The class of everything that matters: the Internet. */
export const CLASS_IN = 1

/** Bytes of the header in front of every message. */
export const HEADER_LENGTH = 12

/** The most bytes of a message: its length has 16 bits over TCP (RFC 1035 §4.2.2). */
export const MAX_MESSAGE_LENGTH = 0xffff

// Bits of the header's flags (RFC 1035 §4.1.1).
/** This is a response. */
export const FLAG_RESPONSE = 0x8000
/** The server is an authority for the name. */
export const FLAG_AUTHORITATIVE = 0x0400
/** The message was cut to fit: to be asked again over TCP. */
export const FLAG_TRUNCATED = 0x0200
/** Please recurse. */
export const FLAG_RECURSION_DESIRED = 0x0100
/** The server recurses. */
export const FLAG_RECURSION_AVAILABLE = 0x0080
