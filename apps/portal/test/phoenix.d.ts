/** What the test uses of phoenix.js, which brings no types. */
declare module 'phoenix' {
  interface Push {
    receive(status: 'ok' | 'error' | 'timeout', callback: (response: unknown) => void): Push
  }
  interface Message {
    readonly topic: string
    readonly event: string
    readonly payload: unknown
    readonly ref: string | null
  }
  interface Channel {
    on(event: string, callback: (payload: never) => void): number
    join(): Push
    push(event: string, payload: object): Push
  }
  export class Socket {
    constructor(
      endPoint: string,
      options: {
        transport: unknown
        params: object
        vsn: string
        encode(message: Message, callback: (text: string) => void): void
        decode(text: string, callback: (message: Message) => void): void
      },
    )
    connect(): void
    disconnect(): void
    channel(topic: string, params: object): Channel
  }
}
