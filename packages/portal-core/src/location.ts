import { countryCentre } from './country.ts'

/** A point on the earth, in degrees. */
export interface Coordinates {
  readonly latitude: number
  readonly longitude: number
}

/** Where a peer is, as far as that is known. */
export interface Location {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly region?: string | undefined
  readonly city?: string | undefined
  readonly coordinates?: Coordinates | undefined
}

/** What a trusted load balancer says about where a request came from; each as found in its header. */
export interface LocationHeaders {
  readonly region?: string | undefined
  readonly city?: string | undefined
  /** `lat,lon`; empty or `,` when unknown. */
  readonly coordinates?: string | undefined
}

const EARTH_RADIUS_KM = 6371

/** Returns the location that the headers tell; a country's centre stands in for missing coordinates. */
export function locate(headers: LocationHeaders): Location {
  const region = headers.region?.trim().toUpperCase() || undefined
  const city = headers.city?.trim() || undefined
  const coordinates =
    parseCoordinates(headers.coordinates) ?? (region === undefined ? undefined : countryCentre(region))
  return { region, city, coordinates }
}

/** Returns the great-circle distance in kilometres (haversine). */
export function distanceKm(a: Coordinates, b: Coordinates): number {
  const latitude = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2
  const longitude = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2
  const h = latitude + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * longitude
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Groups `items` by their exact coordinates and returns the groups, nearest to `from` first; unknown places are last. */
export function groupByDistance<T>(
  from: Coordinates,
  items: readonly T[],
  placeOf: (item: T) => Coordinates | undefined,
): T[][] {
  const groups = new Map<string, { distance: number; items: T[] }>()
  for (const item of items) {
    const place = placeOf(item)
    const key = place ? `${place.latitude},${place.longitude}` : ''
    const distance = place ? distanceKm(from, place) : Number.POSITIVE_INFINITY
    const group = groups.get(key)
    if (group) group.items.push(item)
    else groups.set(key, { distance, items: [item] })
  }
  return [...groups.values()]
    .sort((a, b) => (a.distance < b.distance ? -1 : a.distance > b.distance ? 1 : 0))
    .map(group => group.items)
}

function parseCoordinates(text: string | undefined): Coordinates | undefined {
  const match = /^\s*([+-]?\d{1,3}(?:\.\d+)?)\s*,\s*([+-]?\d{1,3}(?:\.\d+)?)\s*$/.exec(text ?? '')
  if (match === null) return undefined
  const [latitude, longitude] = [Number(match[1]), Number(match[2])]
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180
