import type { StunCrypto } from '@sallyport/sans-io'
import { encodeStun, type StunAttribute, type StunContent, type StunHeader } from '@sallyport/stun'

/** Every error that the server answers with (RFC 8489 §14.8, RFC 8656 §19), and the text that goes with it. */
const ERROR_REASONS = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  420: 'Unknown Attribute',
  437: 'Allocation Mismatch',
  438: 'Stale Nonce',
  440: 'Address Family not Supported',
  441: 'Wrong Credentials',
  442: 'Unsupported Transport Protocol',
  443: 'Peer Address Family Mismatch',
  486: 'Allocation Quota Reached',
  500: 'Server Error',
  508: 'Insufficient Capacity',
} as const

/** The code of an error that the server answers with. */
export type ErrorCode = keyof typeof ERROR_REASONS

/** What a request is answered with. */
export type Response =
  | { readonly type: 'success'; readonly attributes: readonly StunAttribute[] }
  /** `attributes`: what goes with the code, such as REALM and NONCE. */
  | { readonly type: 'error'; readonly code: ErrorCode; readonly attributes: readonly StunAttribute[] }

/** Makes an error response. */
export const failure = (code: ErrorCode, attributes: readonly StunAttribute[] = []): Response => ({
  type: 'error',
  code,
  attributes,
})

/** Makes a success response. */
export const success = (attributes: readonly StunAttribute[] = []): Response => ({ type: 'success', attributes })

/** Encodes responses: SOFTWARE first, MESSAGE-INTEGRITY last if there is a key to sign with. */
export class ResponseWriter {
  readonly #software: StunAttribute
  readonly #crypto: StunCrypto

  constructor(software: string, crypto: StunCrypto) {
    this.#software = { type: 'software', value: software }
    this.#crypto = crypto
  }

  /** Encodes a response to `request`. A terse one lacks all that is for people only: SOFTWARE and the reason. */
  encode(request: StunHeader, response: Response, key: Uint8Array | undefined, isTerse: boolean): Uint8Array {
    const attributes = isTerse ? [] : [this.#software]
    if (response.type === 'error') {
      const reason = isTerse ? '' : ERROR_REASONS[response.code]
      attributes.push({ type: 'error-code', value: { code: response.code, reason } })
    }
    const content: StunContent = {
      class: response.type,
      method: request.method,
      transactionId: request.transactionId,
      attributes: [...attributes, ...response.attributes],
    }
    return encodeStun(content, { crypto: this.#crypto, ...(key && { key }) })
  }
}
