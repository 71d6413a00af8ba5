import {
  copyBytes,
  type Random,
  randomBytes,
  viewOf,
  type WireguardCrypto,
  type X25519PrivateKey,
} from '@sallyport/sans-io'
import {
  INITIATION_LENGTH,
  initiationFields,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  newMessage,
  RESPONSE_LENGTH,
  responseFields,
  senderIndexOf,
} from './message.ts'
import type { StaticKeyPair } from './static-key.ts'
import { SymmetricState } from './symmetric-state.ts'

/**
 * The handshake Noise_IKpsk2 (WireGuard paper §5.4), as pure steps. MACs are left zero: see `macs.ts`.
 *
 *     initiator                                                        responder
 *     createInitiation ── ephemeral, static, timestamp ──▶ readInitiation, readTimestamp
 *     readResponse     ◀── ephemeral, nothing ──────────── createResponse
 */

/** What one side knows of the other before the first message. */
export interface Acquaintance {
  readonly identity: StaticKeyPair
  readonly peerPublicKey: Uint8Array
  /** The agreement of both static keys: it is the same in every handshake, so it is computed once. */
  readonly staticStatic: Uint8Array
  /** 32 bytes; zeros where there is none. */
  readonly presharedKey: Uint8Array
}

/** What an initiator remembers until the response comes. */
export interface PendingInitiation {
  /** The index that the responder will address. */
  readonly senderIndex: number
  readonly ephemeral: X25519PrivateKey
  readonly state: SymmetricState
}

/** An initiation whose initiator is known: its static key has been decrypted. */
export interface ReceivedInitiation {
  /** The initiator's static public key. */
  readonly publicKey: Uint8Array
  /** The index that the initiator wants to be addressed by. */
  readonly senderIndex: number
  readonly ephemeral: Uint8Array
  readonly encryptedTimestamp: Uint8Array
  readonly state: SymmetricState
}

/** What a finished handshake leaves behind. */
export interface SessionKeys {
  readonly sendKey: Uint8Array
  readonly receiveKey: Uint8Array
  /** The index by which we are addressed. */
  readonly localIndex: number
  /** The index by which the peer is addressed. */
  readonly remoteIndex: number
}

/** Makes an initiation. `timestamp` is a TAI64N label later than any that the peer has seen from us. */
export function createInitiation(
  crypto: WireguardCrypto,
  random: Random,
  { identity, peerPublicKey, staticStatic }: Acquaintance,
  senderIndex: number,
  timestamp: Uint8Array,
): { message: Uint8Array; pending: PendingInitiation } {
  const ephemeral = crypto.x25519.importPrivateKey(randomBytes(random, 32))
  const ephemeralPublic = crypto.x25519.publicKey(ephemeral)
  const ephemeralStatic = crypto.x25519.diffieHellman(ephemeral, peerPublicKey)
  if (ephemeralStatic === undefined) throw new Error('a peer key that agreed with one key refuses another')
  const message = newMessage(MESSAGE_INITIATION, INITIATION_LENGTH)
  viewOf(message).setUint32(4, senderIndex, true)
  const fields = initiationFields(message)
  const state = SymmetricState.initial(crypto, peerPublicKey)

  fields.ephemeral.set(ephemeralPublic)
  state.mixHash(ephemeralPublic)
  state.mixChainingKey(ephemeralPublic)
  fields.encryptedStatic.set(state.encryptAndHash(state.mixKey(ephemeralStatic), identity.publicKey))
  fields.encryptedTimestamp.set(state.encryptAndHash(state.mixKey(staticStatic), timestamp))
  return { message, pending: { senderIndex, ephemeral, state } }
}

/** Reads who sent the initiation `message`, whose mac1 has been verified. `undefined` if it isn't meant for us. */
export function readInitiation(
  crypto: WireguardCrypto,
  identity: StaticKeyPair,
  message: Uint8Array,
): ReceivedInitiation | undefined {
  const fields = initiationFields(message)
  const staticEphemeral = crypto.x25519.diffieHellman(identity.privateKey, fields.ephemeral)
  if (staticEphemeral === undefined) return undefined
  const state = SymmetricState.initial(crypto, identity.publicKey)
  state.mixHash(fields.ephemeral)
  state.mixChainingKey(fields.ephemeral)
  const publicKey = state.decryptAndHash(state.mixKey(staticEphemeral), fields.encryptedStatic)
  if (publicKey === undefined) return undefined
  return {
    publicKey,
    senderIndex: senderIndexOf(message),
    ephemeral: copyBytes(fields.ephemeral),
    encryptedTimestamp: copyBytes(fields.encryptedTimestamp),
    state,
  }
}

/**
 * Reads the timestamp of an initiation, which proves that its sender has the static key it claims.
 *
 * Returns it with the state to answer from; the initiation itself stays as it was. `undefined` if it isn't authentic.
 */
export function readTimestamp(
  { staticStatic }: Acquaintance,
  initiation: ReceivedInitiation,
): { timestamp: Uint8Array; state: SymmetricState } | undefined {
  const state = initiation.state.copy()
  const timestamp = state.decryptAndHash(state.mixKey(staticStatic), initiation.encryptedTimestamp)
  return timestamp && { timestamp, state }
}

/** Answers an initiation; `state` is that of {@link readTimestamp}. `undefined` if its ephemeral key is no key. */
export function createResponse(
  crypto: WireguardCrypto,
  random: Random,
  { peerPublicKey, presharedKey }: Acquaintance,
  initiation: ReceivedInitiation,
  state: SymmetricState,
  localIndex: number,
): { message: Uint8Array; keys: SessionKeys } | undefined {
  const ephemeral = crypto.x25519.importPrivateKey(randomBytes(random, 32))
  const ephemeralPublic = crypto.x25519.publicKey(ephemeral)
  const ephemeralEphemeral = crypto.x25519.diffieHellman(ephemeral, initiation.ephemeral)
  const ephemeralStatic = crypto.x25519.diffieHellman(ephemeral, peerPublicKey)
  if (ephemeralEphemeral === undefined || ephemeralStatic === undefined) return undefined
  const message = newMessage(MESSAGE_RESPONSE, RESPONSE_LENGTH)
  viewOf(message).setUint32(4, localIndex, true)
  viewOf(message).setUint32(8, initiation.senderIndex, true)
  const fields = responseFields(message)

  fields.ephemeral.set(ephemeralPublic)
  state.mixHash(ephemeralPublic)
  state.mixChainingKey(ephemeralPublic)
  state.mixChainingKey(ephemeralEphemeral)
  state.mixChainingKey(ephemeralStatic)
  fields.encryptedNothing.set(state.encryptAndHash(state.mixKeyAndHash(presharedKey), NOTHING))
  const { fromInitiator, fromResponder } = state.split()
  const keys = { sendKey: fromResponder, receiveKey: fromInitiator, localIndex, remoteIndex: initiation.senderIndex }
  return { message, keys }
}

/** Finishes a handshake that we began. `undefined` if the response isn't authentic; then `pending` is still good. */
export function readResponse(
  crypto: WireguardCrypto,
  { identity, presharedKey }: Acquaintance,
  pending: PendingInitiation,
  message: Uint8Array,
): SessionKeys | undefined {
  const fields = responseFields(message)
  const ephemeralEphemeral = crypto.x25519.diffieHellman(pending.ephemeral, fields.ephemeral)
  const staticEphemeral = crypto.x25519.diffieHellman(identity.privateKey, fields.ephemeral)
  if (ephemeralEphemeral === undefined || staticEphemeral === undefined) return undefined
  const state = pending.state.copy()
  state.mixHash(fields.ephemeral)
  state.mixChainingKey(fields.ephemeral)
  state.mixChainingKey(ephemeralEphemeral)
  state.mixChainingKey(staticEphemeral)
  if (state.decryptAndHash(state.mixKeyAndHash(presharedKey), fields.encryptedNothing) === undefined) return undefined
  const { fromInitiator, fromResponder } = state.split()
  return {
    sendKey: fromInitiator,
    receiveKey: fromResponder,
    localIndex: pending.senderIndex,
    remoteIndex: senderIndexOf(message),
  }
}

const NOTHING = new Uint8Array(0)
