/** The layers of the house, lowest first: an arrow only ever points down. */
export const LAYERS: readonly (readonly string[])[] = [
  ['sans-io'],
  ['crypto', 'stun', 'ip-packet', 'dns-message'],
  ['ice', 'turn-client', 'turn-server', 'wireguard', 'phoenix-channel'],
  ['snownet', 'portal-protocol'],
  ['tunnel', 'netstack', 'portal-core'],
  ['io-node', 'session'],
  ['gateway', 'relay', 'client', 'portal'],
]
