/** Packets that a gateway did not pass on, by reason. Plain fields: read them whenever. */
export class GatewayCounters {
  /** From a client: no IP packet that we carry. */
  malformedIn = 0
  /** From a client that we know nothing about. */
  unknownPeerIn = 0
  /** From a client: not from its tunnel addresses. Answered with an ICMP error. */
  foreignSourceIn = 0
  /** From a client: not permitted by any of its resources. Answered with an ICMP error. */
  filteredIn = 0
  /** From a client: to a name that has no address of that family, or beyond the ports that there are. */
  untranslatableIn = 0
  /** From the TUN device: of a session that is over. */
  expiredOut = 0
  /** ICMP errors that were left out because a client has caused too many. */
  icmpErrorsSuppressed = 0
  /** From the TUN device: no IP packet that we carry. */
  malformedOut = 0
  /** From the TUN device: longer than the tunnel carries. */
  tooLongOut = 0
  /** From the TUN device: to no client that we know. */
  unknownPeerOut = 0
  /** From the TUN device: not permitted by any of the client's resources. */
  filteredOut = 0
  /** From the TUN device: to a client without a connection. */
  notConnectedOut = 0
}
