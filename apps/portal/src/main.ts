#!/usr/bin/env node
import { AdminError } from '@sallyport/portal-core'
import { CommanderError } from 'commander'
import { UsageError } from './admin/command.ts'
import { makeProgram } from './cli.ts'
import { OperatorError } from './operator-error.ts'

/** Exit codes: 0 all went well · 1 it did not · 2 the command line is wrong. */
const FAILED = 1
const WRONG_USAGE = 2

try {
  await makeProgram().parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE // it has spoken
  else {
    const isExpected = error instanceof OperatorError || error instanceof AdminError || error instanceof UsageError
    console.error(`sallyport-portal: ${isExpected ? error.message : ((error as Error).stack ?? error)}`)
    process.exitCode = FAILED
  }
}
