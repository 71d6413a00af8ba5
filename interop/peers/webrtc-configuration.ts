/** What one end of a WebRTC connection is told, in a process of its own. */
export interface WebrtcConfiguration {
  readonly role: 'offer' | 'answer'
  /** Where the two meet to exchange their descriptions; the one who offers waits there. */
  readonly signalling: string
  readonly server: {
    readonly address: string
    readonly port: number
    readonly username: string
    readonly password: string
  }
  /** How many bytes each side sends. */
  readonly bytes: number
}
