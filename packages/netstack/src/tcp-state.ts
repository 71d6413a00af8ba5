/** The states of a connection (RFC 9293 §3.3.2); a listener is no connection. */
export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'close-wait'
  | 'closing'
  | 'last-ack'
  | 'time-wait'
  | 'closed'

/** What takes a connection from one state to another. */
export type TcpTurn =
  /** The peer's SYN came. */
  | 'syn-received'
  /** Our SYN is acknowledged, and theirs is here. */
  | 'synchronized'
  /** We have nothing more to send. */
  | 'shutdown'
  /** Our FIN is acknowledged. */
  | 'fin-acknowledged'
  /** Everything up to the peer's FIN is here. */
  | 'fin-received'
  /** It has ended some other way, or waited long enough. */
  | 'gone'

/**
 * Returns the state that follows (RFC 9293 §3.3.2, figure 5). A turn that means nothing in a state leaves it.
 *
 * ```text
 *              ┌─────────▶ fin-wait-1 ─ fin-acknowledged ─▶ fin-wait-2 ── fin-received ──┐
 *          shutdown            └ fin-received ─▶ closing ── fin-acknowledged ─▶ time-wait ┘
 * established ─┤
 *         fin-received
 *              └─────────▶ close-wait ── shutdown ─▶ last-ack ── fin-acknowledged ─▶ closed
 * ```
 */
export const nextState = (state: TcpState, turn: TcpTurn): TcpState =>
  turn === 'gone' ? 'closed' : (TURNS[state][turn] ?? state)

/** Returns whether the peer's bytes are still wanted. */
export const mayReceive = (state: TcpState): boolean =>
  state === 'established' || state === 'fin-wait-1' || state === 'fin-wait-2'

const TURNS: Readonly<Record<TcpState, Partial<Readonly<Record<TcpTurn, TcpState>>>>> = {
  'syn-sent': { 'syn-received': 'syn-received', synchronized: 'established' },
  'syn-received': { synchronized: 'established' },
  established: { shutdown: 'fin-wait-1', 'fin-received': 'close-wait' },
  'fin-wait-1': { 'fin-acknowledged': 'fin-wait-2', 'fin-received': 'closing' },
  'fin-wait-2': { 'fin-received': 'time-wait' },
  'close-wait': { shutdown: 'last-ack' },
  closing: { 'fin-acknowledged': 'time-wait' },
  'last-ack': { 'fin-acknowledged': 'closed' },
  'time-wait': {},
  closed: {},
}
