import { encodeControl, GOODBYE } from './frame.ts'

/**
 * Returns the packet that says "I have just forgotten this connection".
 *
 * Sent once, never acknowledged: losing it only costs the time until ICE notices that the path is dead. Its receiver
 * forgets the connection at once and answers nothing.
 */
export const makeGoodbye = (): Uint8Array => encodeControl(GOODBYE, new Uint8Array(0))
