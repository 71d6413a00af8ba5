/** Why an administrator's command was refused. Stable, for matching. */
export type AdminErrorCode =
  /** There is no such thing. */
  | 'PORTAL_NOT_FOUND'
  /** An argument is wrong. */
  | 'PORTAL_INVALID'
  /** There already is one. */
  | 'PORTAL_CONFLICT'
  /** The last administrator must stay. */
  | 'PORTAL_LAST_ADMIN'
  /** The members of this group are computed. */
  | 'PORTAL_MANAGED_GROUP'
  /** The Internet resource and its site must stay. */
  | 'PORTAL_INTERNET_RESOURCE'

/** An administrator's command was refused, and nothing has changed. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly code: AdminErrorCode
  /** Which argument is to blame, where it is one. */
  readonly field: string | undefined

  constructor(code: AdminErrorCode, message: string, field?: string) {
    super(field === undefined ? message : `${field}: ${message}`)
    this.code = code
    this.field = field
  }
}
