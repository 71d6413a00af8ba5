import type { IceCredentials } from '@sallyport/ice'

/** What one ICE agent tells the other before they begin. */
export interface IceParameters extends IceCredentials {
  /** As ICE signals them: `candidate:…`. */
  readonly candidates: readonly string[]
}

/** What somebody else's ICE agent is told, in a process of its own. */
export interface TheirIceConfiguration {
  /** Whether theirs is the controlling agent. */
  readonly controlling: boolean
  /** Who we are. */
  readonly remote: IceParameters
}

/** How an agent sees things. */
export interface IceView {
  /** In the words of that agent: `connected` and `completed` are the good ones. */
  readonly state: string
  /** The selected pair, as `ADDRESS PORT`. */
  readonly local: string | undefined
  readonly remote: string | undefined
  /** How many connectivity checks of the peer it has seen; only ours counts them. */
  readonly requests?: number
}

/** Says under which name and at which addresses an agent can be reached. */
export function announce(parameters: IceParameters): void {
  console.log(`local ${JSON.stringify(parameters)}`)
}

/** Prints what an agent sees, from now on. */
export function keepReporting(view: () => IceView): void {
  setInterval(() => console.log(`view ${JSON.stringify(view())}`), REPORT_EVERY_MS)
}

const REPORT_EVERY_MS = 500
