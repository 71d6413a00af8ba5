import type { StunCrypto } from '@sallyport/sans-io'
import { encodeStun, type StunAttribute, type StunHeader } from '@sallyport/stun'

/** Every error that the server answers with (RFC 8489 §14.8, RFC 8656 §19), and the text that goes with it. */
const ERROR_REASONS = {
  400: 'Bad Request',
  401: 'Unauthorized',
  437: 'Allocation Mismatch',
  438: 'Stale Nonce',
  440: 'Address Family not Supported',
  443: 'Peer Address Family Mismatch',
  500: 'Server Error',
  508: 'Insufficient Capacity',
} as const

/** The code of an error that the server answers with. */
export type ErrorCode = keyof typeof ERROR_REASONS

/** Encodes responses: SOFTWARE first, MESSAGE-INTEGRITY last if there is a key to sign with. */
export class ResponseWriter {
  readonly #software: StunAttribute
  readonly #crypto: StunCrypto

  constructor(software: string, crypto: StunCrypto) {
    this.#software = { type: 'software', value: software }
    this.#crypto = crypto
  }

  /** Encodes the success response to `request`. */
  success(request: StunHeader, attributes: readonly StunAttribute[], key: Uint8Array | undefined): Uint8Array {
    return this.#encode('success', request, attributes, key)
  }

  /** Encodes an error response to `request`; `challenge` is the REALM and NONCE of a 401 or 438. */
  error(
    request: StunHeader,
    code: ErrorCode,
    challenge: readonly StunAttribute[],
    key: Uint8Array | undefined,
  ): Uint8Array {
    const error: StunAttribute = { type: 'error-code', value: { code, reason: ERROR_REASONS[code] } }
    return this.#encode('error', request, [error, ...challenge], key)
  }

  #encode(
    messageClass: 'success' | 'error',
    { method, transactionId }: StunHeader,
    attributes: readonly StunAttribute[],
    key: Uint8Array | undefined,
  ): Uint8Array {
    return encodeStun(
      { class: messageClass, method, transactionId, attributes: [this.#software, ...attributes] },
      { crypto: this.#crypto, ...(key && { key }) },
    )
  }
}
