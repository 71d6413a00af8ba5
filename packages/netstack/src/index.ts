/**
 * TCP and UDP without a kernel: a state machine that takes IP packets and gives IP packets.
 *
 * @packageDocumentation
 */
export type { CloseReason } from './connection.ts'
export { AddressInUseError, NetStackError, NoFreePortError, TooManySocketsError } from './errors.ts'
export type { ListenOptions, TcpListener } from './listener.ts'
export { NetStack, type NetStackEvent, type NetStackOptions } from './net-stack.ts'
export type { TcpSocket } from './tcp-socket.ts'
export type { TcpState } from './tcp-state.ts'
export type { UdpDatagram, UdpSocket } from './udp.ts'
