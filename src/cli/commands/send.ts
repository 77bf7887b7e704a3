import type { Subscription } from 'rxjs'
import { describe } from '../../errors.js'
import type { Producer } from '../../index.js'
import { EXIT } from '../errors.js'
import type { Interrupt, Io } from '../io.js'
import type { Failures } from '../report/failures.js'
import { Notes } from '../report/notes.js'
import { Progress } from '../report/progress.js'
import { summaryJson, summaryText } from '../report/summary.js'
import { place, type Tally } from '../report/tally.js'
import type { Terminal } from '../report/terminal.js'
import { exitCodeOf } from './exit-code.js'
import type { Reading } from './reading.js'

export interface SendJob {
  readonly io: Io
  readonly producer: Producer
  readonly reading: Reading
  readonly tally: Tally
  readonly failures: Failures
  /** Where errors are told. */
  readonly terminal: Terminal
  readonly quiet: boolean
  /** Whether lines are typed in: what shows the progress would be written into them. */
  readonly typed: boolean
  readonly json: boolean
  /** Sends every record that is read. */
  readonly deliver: (producer: Producer, reading: Reading) => Promise<void>
  /** Bytes of all inputs, if that is known. */
  readonly size: number | undefined
}

const CODES: Readonly<Record<Interrupt, number>> = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated }

/** Sends everything, and reports. Returns the exit code. */
export async function send(job: SendJob): Promise<number> {
  const { io, producer, reading, tally, failures, terminal, quiet, typed, json, size } = job
  const progress = quiet || typed ? undefined : new Progress(terminal, tally, producer, size)
  const notes = new Notes(terminal)
  if (!quiet) producer.events$.subscribe(event => notes.event(event))
  const interrupts = new Interrupts(job)
  const start = performance.now()
  let error: unknown
  try {
    await producer.connect({ signal: reading.stopped })
    progress?.start()
    await job.deliver(producer, reading)
  } catch (cause) {
    error = cause
  } finally {
    // Not awaited: a pipe that nobody writes to may not close before it is opened. What can't be read was told.
    reading.close().catch(() => {})
    await producer.close()
    progress?.stop()
    failures.close()
    interrupts.unsubscribe()
  }
  error ??= failures.error
  const { exitCode: interrupted } = interrupts
  // Before it is connected, an interrupt is what ends the wait.
  if (interrupted !== undefined) error = undefined
  const exitCode = interrupted ?? (error !== undefined ? exitCodeOf(error) : tally.failed > 0 ? EXIT.failed : EXIT.ok)
  if (error !== undefined) terminal.line(`rx-kafka: ${describe(error)}`)
  if ((error !== undefined || interrupted !== undefined) && tally.last !== undefined && !quiet)
    terminal.line(`the last line that was sent is ${place(tally.last)}`)
  const seconds = (performance.now() - start) / 1000
  if (!quiet && tally.acked + tally.failed > 0) terminal.line(summaryText(tally, seconds))
  if (json)
    io.stdout.write(`${summaryJson(tally, seconds, exitCode, error === undefined ? undefined : describe(error))}\n`)
  return exitCode
}

/** The first signal ends the reading, a second one the process. */
class Interrupts {
  exitCode: number | undefined
  readonly #subscription: Subscription

  constructor({ io, reading, failures, terminal, quiet }: SendJob) {
    this.#subscription = io.interrupts$.subscribe(signal => {
      if (this.exitCode !== undefined) {
        failures.close()
        terminal.status('')
        io.exit(this.exitCode)
      }
      this.exitCode = CODES[signal]
      if (!quiet) terminal.line('interrupted: sending what was read; a second time ends it at once')
      reading.stop()
    })
  }

  unsubscribe(): void {
    this.#subscription.unsubscribe()
  }
}
