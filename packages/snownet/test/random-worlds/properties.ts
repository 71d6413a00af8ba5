import fc from 'fast-check'
import { expectLosslessLife, expectLossyLife } from './connectivity.ts'
import { losslessWorlds, lossyWorlds, type RandomWorld } from './random-world.ts'

/** What holds in every world: `npm test` tries some worlds, `npm run soak -- connectivity` as many as one likes. */
export const properties: Readonly<Record<'lossless' | 'lossy', fc.IProperty<[RandomWorld]>>> = {
  lossless: fc.property(losslessWorlds, expectLosslessLife),
  lossy: fc.property(lossyWorlds, expectLossyLife),
}
