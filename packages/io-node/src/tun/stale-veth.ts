import { readFileSync } from 'node:fs'
import { type Link, listLinks, removeLink } from '../net/link.ts'
import { busyError } from './open-descriptor.ts'

/**
 * Removes the pair that a killed process has left behind under the name `name`: unlike a TUN device it outlives its owner.
 *
 * Interfaces that aren't ours stay. Throws a `TunError` if a process still uses the pair.
 */
export function removeStaleVeth(name: string): void {
  const links = listLinks()
  const link = links.find(link => link.name === name)
  const peer = links.find(({ index }) => index === link?.peerIndex)
  if (link?.kind !== 'veth' || peer === undefined || !isPeerName(peer)) return
  if (isInUse(peer.index)) throw busyError(name)
  removeLink(link.index)
}

/** What names of the far ends of our pairs begin with; a number follows. */
export const PEER_NAME = 'tunpeer'

const isPeerName = ({ name }: Link): boolean => name.startsWith(PEER_NAME) && /^\d+$/.test(name.slice(PEER_NAME.length))

/** Whether a packet socket is bound to the interface: one goes with its process, however that ends. */
function isInUse(index: number): boolean {
  const [, ...sockets] = readFileSync('/proc/thread-self/net/packet', 'utf8').trim().split('\n')
  return sockets.some(line => Number(line.trim().split(/\s+/)[4]) === index)
}
