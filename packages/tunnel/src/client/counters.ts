/** Packets that a client did not pass on, by reason. Plain fields: read them whenever. */
export class ClientCounters {
  /** From the TUN device: no IP packet that we carry. */
  malformedOut = 0
  /** From the TUN device: longer than the tunnel carries. */
  tooLongOut = 0
  /** From the TUN device: not from our tunnel address. */
  foreignSourceOut = 0
  /** From the TUN device: to many. */
  multicastOut = 0
  /** From the TUN device: to a DNS address, but not over UDP to port 53, or to one that stands for no server. */
  sentinelOut = 0
  /** From the TUN device: to a DNS address, but no query. */
  badQueryOut = 0
  /** From the TUN device: to a peer's tunnel address that we have no connection to, or to ourselves. */
  unknownPeerOut = 0
  /** From the TUN device: for none of our resources. */
  noResourceOut = 0
  /** From the TUN device: kept until access is granted. Not a drop. */
  pendingOut = 0
  /** From a gateway: no IP packet that we carry. */
  malformedIn = 0
  /** From a gateway that we know nothing about. */
  unknownPeerIn = 0
  /** From a gateway, but not from an address that it may use. */
  foreignSourceIn = 0
  /** From a gateway, but not to our tunnel address. */
  foreignDestinationIn = 0
}
