import { expect, test } from 'vitest'
import { mayReceive, nextState, type TcpState, type TcpTurn } from './tcp-state.ts'

const STATES: readonly TcpState[] = [
  'syn-sent',
  'syn-received',
  'established',
  'fin-wait-1',
  'fin-wait-2',
  'close-wait',
  'closing',
  'last-ack',
  'time-wait',
  'closed',
]
const TURNS: readonly TcpTurn[] = [
  'syn-received',
  'synchronized',
  'shutdown',
  'fin-acknowledged',
  'fin-received',
  'gone',
]

test('a turn leads where figure 5 of RFC 9293 says, and else nowhere', () => {
  const table = Object.fromEntries(
    STATES.map(state => [state, TURNS.map(turn => nextState(state, turn)).map(to => (to === state ? '' : to))]),
  )

  expect(table).toEqual({
    'syn-sent': ['syn-received', 'established', '', '', '', 'closed'],
    'syn-received': ['', 'established', '', '', '', 'closed'],
    established: ['', '', 'fin-wait-1', '', 'close-wait', 'closed'],
    'fin-wait-1': ['', '', '', 'fin-wait-2', 'closing', 'closed'],
    'fin-wait-2': ['', '', '', '', 'time-wait', 'closed'],
    'close-wait': ['', '', 'last-ack', '', '', 'closed'],
    closing: ['', '', '', 'time-wait', '', 'closed'],
    'last-ack': ['', '', '', 'closed', '', 'closed'],
    'time-wait': ['', '', '', '', '', 'closed'],
    closed: ['', '', '', '', '', ''],
  })
})

test('bytes are wanted until the peer has finished', () => {
  expect(STATES.filter(mayReceive)).toEqual(['established', 'fin-wait-1', 'fin-wait-2'])
})
