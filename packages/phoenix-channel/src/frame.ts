/**
 * Frames of Phoenix's serializer of version 1: one JSON object each.
 *
 * ```json
 * {"topic":"client","event":"create_flow","payload":{},"ref":7}
 * ```
 *
 * @module
 */

/** One frame. */
export interface PhoenixFrame {
  readonly topic: string
  readonly event: string
  /** Any JSON; `{}` where the frame had none. */
  readonly payload: unknown
  /** Which request this answers; `undefined` on what the server sends by itself. */
  readonly ref: number | undefined
}

/** Why a text is no frame: `truncated` is JSON that breaks off, after which nothing on the connection can be trusted. */
export type FrameDefect = 'truncated' | 'not-json' | 'not-a-frame'

/** Returns a frame as text, with its keys in the order of the original. */
export function encodeFrame(topic: string, event: string, payload: unknown, ref: number): string {
  return JSON.stringify({ topic, event, payload: payload === undefined ? {} : payload, ref })
}

/** Parses a frame, or returns what is wrong with it. Never throws. Keys that are not known are ignored. */
export function parseFrame(text: string): PhoenixFrame | FrameDefect {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return isTruncated(text) ? 'truncated' : 'not-json'
  }
  if (!isObject(json)) return 'not-a-frame'
  const { topic, event, payload = {}, ref = null } = json
  if (typeof topic !== 'string' || typeof event !== 'string') return 'not-a-frame'
  if (ref !== null && !Number.isSafeInteger(ref)) return 'not-a-frame'
  return { topic, event, payload, ref: ref === null ? undefined : (ref as number) }
}

/** What a `phx_reply` says. */
export type PhoenixReply = { readonly status: 'ok' } | { readonly status: 'error'; readonly reason: string }

/** Parses the payload of a `phx_reply`; `undefined` if it isn't one. Never throws. */
export function parseReply(payload: unknown): PhoenixReply | undefined {
  if (!isObject(payload)) return undefined
  if (payload['status'] === 'ok') return { status: 'ok' }
  const { status, response } = payload
  if (status !== 'error' || !isObject(response) || typeof response['reason'] !== 'string') return undefined
  return { status, reason: response['reason'] }
}

/** Returns the reason that a `disconnect` gives; `undefined` if it gives none. Never throws. */
export function disconnectReason(payload: unknown): string | undefined {
  const reason = isObject(payload) ? payload['reason'] : undefined
  return typeof reason === 'string' ? reason : undefined
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

// Asked only of text that isn't JSON: does it end inside a string or with something open?
function isTruncated(text: string): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (inString) {
      if (character === '\\') i++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
  }
  return inString || depth > 0 || text.trim() === ''
}
