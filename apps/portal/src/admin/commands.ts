import type { Command } from './command.ts'
import { ACCOUNT_COMMANDS } from './commands/accounts.ts'
import { DEVICE_COMMANDS } from './commands/devices.ts'
import { GROUP_COMMANDS } from './commands/groups.ts'
import { RESOURCE_COMMANDS } from './commands/resources.ts'
import { SITE_COMMANDS } from './commands/sites.ts'
import { TOKEN_COMMANDS } from './commands/tokens.ts'

/** Everything that an administrator can do at the command line. */
export const COMMANDS: readonly Command[] = [
  ...ACCOUNT_COMMANDS,
  ...GROUP_COMMANDS,
  ...SITE_COMMANDS,
  ...RESOURCE_COMMANDS,
  ...TOKEN_COMMANDS,
  ...DEVICE_COMMANDS,
]
