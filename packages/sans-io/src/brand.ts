declare const brand: unique symbol

/**
 * A `T` that can't be mistaken for another `T`. Costs nothing at run time.
 *
 * @example
 * type RelayId = Brand<string, 'RelayId'>
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Marks a place that the compiler has proved unreachable; throws if the proof was wrong. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
