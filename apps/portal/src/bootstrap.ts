import type { Portal } from '@sallyport/portal-core'
import type { Instant } from '@sallyport/sans-io'
import { OperatorError } from '@sallyport/service'
import { guessType } from './admin/commands/resources.ts'

/** What a new installation starts with. */
export interface BootstrapOptions {
  readonly account: string
  readonly slug: string
  readonly admin: string
  readonly site: string
  /** The address of a first resource, or of several. */
  readonly resources: readonly string[]
  /** When the client's token expires, in Unix milliseconds. */
  readonly clientExpiresAt: number
}

/** Ids and tokens of a new installation. The tokens are shown once: only their digests are kept. */
export interface Bootstrap {
  readonly accountId: string
  readonly actorId: string
  readonly groupId: string
  readonly siteId: string
  /** The first resource. */
  readonly resourceId: string
  /** The first resource's policy. */
  readonly policyId: string
  readonly resources: readonly { readonly id: string; readonly address: string; readonly policyId: string }[]
  readonly gatewayToken: string
  readonly relayToken: string
  readonly clientToken: string
}

/** Makes an account with an administrator, a site, resources that everyone may reach, and a token of each kind. */
export function bootstrap(portal: Portal, options: BootstrapOptions, now: Instant): Bootstrap {
  const { admin } = portal
  if (portal.rows('accounts').some(({ slug }) => slug === options.slug)) {
    throw new OperatorError(`the account ${options.slug} exists: bootstrap is for new installations`)
  }
  const account = admin.createAccount({ name: options.account, slug: options.slug }, now)
  const accountId = account.id
  try {
    const actor = admin.createActor({ accountId, type: 'account_admin_user', name: options.admin }, now)
    const group = portal.rows('groups').find(row => row.accountId === accountId && row.managed)!
    const site = admin.createSite({ accountId, name: options.site }, now)
    const resources = options.resources.map(address => {
      const input = { accountId, name: address, type: guessType(address), address, siteIds: [site.id] }
      const resource = admin.createResource(input, now)
      const policy = admin.createPolicy({ accountId, groupId: group.id, resourceId: resource.id }, now)
      return { id: resource.id, address: resource.address!, policyId: policy.id }
    })
    const client = { actorId: actor.id, name: 'first client', expiresAt: options.clientExpiresAt }
    return {
      accountId,
      actorId: actor.id,
      groupId: group.id,
      siteId: site.id,
      resourceId: resources[0]!.id,
      policyId: resources[0]!.policyId,
      resources,
      gatewayToken: admin.createGatewayToken({ siteId: site.id, name: 'first gateways' }, now).text,
      relayToken: admin.createRelayToken({ name: 'first relays' }, now).text,
      clientToken: admin.createClientToken(client, now).text,
    }
  } catch (error) {
    admin.deleteAccount(accountId, now) // half an installation could not be bootstrapped again
    throw error
  }
}
