import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from './operator-error.ts'

/**
 * Takes the token out of the environment, so that no child process inherits it.
 *
 * A value that is the path of a file stands for that file's content, as in the original's containers.
 */
export function takeTokenVariable(
  name = 'FIREZONE_TOKEN',
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const value = environment[name]?.trim()
  delete environment[name]
  if (value === undefined || value === '') return undefined
  return value.startsWith('/') ? readText(value) : value
}

/**
 * Returns the token in the file at `path`, or `undefined` if there is no such file.
 *
 * On Linux the file must belong to `owner` (user and group; root) and be open to nobody else. Throws
 * {@link OperatorError}.
 */
export function readTokenFile(
  path: string,
  owner: { readonly uid: number; readonly gid: number } = ROOT,
): string | undefined {
  let status: ReturnType<typeof statSync>
  try {
    status = statSync(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OperatorError(`token file ${path} can't be looked at`, { cause })
  }
  if (process.platform === 'linux') {
    if (status.uid !== owner.uid || status.gid !== owner.gid)
      throw new OperatorError(`token file ${path} must belong to user ${owner.uid} and group ${owner.gid}`)
    if ((status.mode & 0o177) !== 0)
      throw new OperatorError(`token file ${path} must be closed to everybody but its owner: chmod 600 ${path}`)
  }
  return readText(path)
}

const ROOT = { uid: 0, gid: 0 }

function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)).trim()
  } catch (cause) {
    throw new OperatorError(`token in ${path} is unreadable`, { cause })
  }
}
