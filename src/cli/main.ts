#!/usr/bin/env node
import { fromEvent, map, merge } from 'rxjs'
import type { Interrupt } from './io.js'
import { run } from './run.js'

const interrupt = (signal: Interrupt) => fromEvent(process, signal).pipe(map(() => signal))

// Nobody reads it any more, as behind `| head`: the job goes on, and the exit code tells how it went.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

void run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  interrupts$: merge(interrupt('SIGINT'), interrupt('SIGTERM')),
  exit: code => process.exit(code),
}).then(code => {
  process.exitCode = code
})
