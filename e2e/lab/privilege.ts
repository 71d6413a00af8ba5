import { spawn, spawnSync } from 'node:child_process'

const MARK = 'SALLYPORT_USER_NAMESPACE'

/** Whether we are root only in a user namespace of our own, and may not do all that root may. */
export const isInUserNamespace = (): boolean => process.env[MARK] !== undefined

/**
 * Makes sure that this process may make network namespaces.
 *
 * Root goes on. Anybody else runs the same command again inside a user namespace of its own, where it is root over
 * nothing but what it makes there; then this function doesn't return, and the process ends with that command's code.
 * Where user namespaces are forbidden, one line says so and the process exits 1.
 */
export async function enterUserNamespace(): Promise<void> {
  if (process.getuid?.() === 0) return
  const setup = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && exec setpriv --pdeathsig TERM "$@"'
  const unshare = ['--user', '--map-root-user', '--net', '--mount']
  const allowed = spawnSync('unshare', [...unshare, 'sh', '-c', setup, 'sh', 'true'], { encoding: 'utf8' })
  if (allowed.status !== 0 || isInUserNamespace()) {
    const why = (allowed.stderr || allowed.error?.message || '').trim().split('\n')[0]
    console.error(
      `this needs root, or unprivileged user namespaces, which are forbidden here (${why}): run it with sudo`,
    )
    process.exit(1)
  }
  const child = spawn(
    'unshare',
    [...unshare, 'sh', '-c', setup, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, [MARK]: '1' },
    },
  )
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  await new Promise<never>(() => {
    child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)))
  })
}
