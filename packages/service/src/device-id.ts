import { createHash, randomUUID } from 'node:crypto'
import { chmodSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from './folder.ts'
import { OperatorError } from './operator-error.ts'

/** Where a device's id lives. */
export interface DeviceIdFile {
  readonly path: string
  /** What to make of a file that isn't JSON: an error, or take its text as the id. */
  readonly whenNotJson: 'refuse' | 'take-text'
}

/**
 * Returns the id of this device: that of the file, or a random one for which the file is made.
 *
 * The file holds `{"id":"…"}` and is for owner and group only. It is never overwritten. Throws {@link OperatorError}.
 */
export function deviceId(file: DeviceIdFile): string {
  return readId(file) ?? createId(file)
}

function readId({ path, whenNotJson }: DeviceIdFile): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new OperatorError(`device id in ${path} is unreadable`, { cause })
  }
  const id = idOf(text)
  if (id === undefined && whenNotJson === 'refuse') throw new OperatorError(`device id in ${path} is not valid JSON`)
  protect(path)
  return id ?? (text === '' ? undefined : text)
}

function idOf(text: string): string | undefined {
  try {
    const { id } = JSON.parse(text) as { id?: unknown }
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    return undefined
  }
}

function createId(file: DeviceIdFile): string {
  const id = createHash('sha256').update(randomUUID()).digest('hex')
  const temporary = `${file.path}.${process.pid}`
  try {
    makeFolder(dirname(file.path), DIRECTORY_MODE)
    writeFileSync(temporary, JSON.stringify({ id }), { mode: FILE_MODE })
    try {
      linkSync(temporary, file.path) // all of it or nothing, and never over another file
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
      const other = readId(file) // somebody else was faster
      if (other === undefined) throw cause
      return other
    } finally {
      unlinkSync(temporary)
    }
  } catch (cause) {
    throw new OperatorError(`device id can't be stored in ${file.path}`, { cause })
  }
  protect(file.path)
  return id
}

const DIRECTORY_MODE = 0o770
const FILE_MODE = 0o640

/** Sets the modes, whatever the umask and whoever made the file. */
function protect(path: string): void {
  try {
    chmodSync(dirname(path), DIRECTORY_MODE)
    chmodSync(path, FILE_MODE)
  } catch {
    // Somebody else's file that we may read: theirs to protect.
  }
}
