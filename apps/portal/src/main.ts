#!/usr/bin/env node
import { forgetEmptyVariables, runMain } from '@sallyport/service'
import { makeProgram } from './cli.ts'

await runMain(async () => {
  const program = makeProgram()
  forgetEmptyVariables(program)
  await program.parseAsync()
})
