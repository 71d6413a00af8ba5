/** The version of a peer: what is in front of a pre-release or build suffix. */
export interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Parses `1.5.8` or `1.5.8-rc.1+linux`; `undefined` if it is no version. */
export function parseVersion(text: string): Version | undefined {
  const match = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+].*)?$/.exec(text)
  return match ? { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) } : undefined
}

/** Returns a negative number, zero or a positive number, as `a` is before, equal to or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch
}

/** Returns whether `version` is `major.minor.0` or later. */
export const isAtLeast = (version: Version, major: number, minor: number): boolean =>
  compareVersions(version, { major, minor, patch: 0 }) >= 0

/** Returns whether a gateway is neither more than one minor version behind a client nor more than one ahead. */
export function isCompatible(client: Version, gateway: Version): boolean {
  const oldest = { major: client.major, minor: Math.max(0, client.minor - 1), patch: 0 }
  const tooNew = { major: client.major, minor: client.minor + 2, patch: 0 }
  return compareVersions(gateway, oldest) >= 0 && compareVersions(gateway, tooNew) < 0
}
