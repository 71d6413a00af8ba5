import type { IpAddress, SocketAddress } from '@sallyport/sans-io'
import type { ClientDnsResource, ClientInternetResource } from './resource.ts'

/**
 * The JSON form of a parsed message: addresses as text, and what a parser fills in may be missing.
 *
 * A parsed message already is fit for `JSON.stringify`, because addresses write themselves; this type is for who makes
 * messages from text.
 */
export type Wire<T> = T extends IpAddress | SocketAddress
  ? string
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Wire<Item>[]
      : T extends ClientInternetResource
        ? Fields<Omit<T, 'name'>> & { readonly name?: string; readonly can_be_disabled?: boolean }
        : T extends ClientDnsResource
          ? Fields<Omit<T, 'ip_stack'>> & { readonly ip_stack?: T['ip_stack'] }
          : Fields<T>

type Fields<T> = { readonly [Field in keyof T]: Wire<T[Field]> }
