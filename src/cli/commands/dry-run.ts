import { EXIT } from '../errors.js'
import type { Io } from '../io.js'
import { asJson, described } from '../report/dry-run.js'
import { several } from '../report/format.js'
import { Output } from '../report/output.js'
import type { Tally } from '../report/tally.js'
import type { Terminal } from '../report/terminal.js'
import type { Reading } from './reading.js'

/** Prints what would be sent. Asks no broker. */
export async function dryRun(
  reading: Reading,
  tally: Tally,
  io: Io,
  json: boolean,
  terminal: Terminal | undefined,
): Promise<number> {
  const out = new Output(io.stdout)
  let count = 0
  for await (const block of reading.blocks) {
    reading.enter(block)
    for (let records = reading.take(1); records.length > 0 && !out.isClosed; records = reading.take(1)) {
      count++
      await out.line((json ? asJson : described)(records[0]!))
    }
    if (out.isClosed) break
  }
  const malformed = tally.malformed > 0 ? `; ${several(tally.malformed, 'line')} malformed` : ''
  terminal?.line(`${several(count, 'record')} would be sent${malformed}`)
  return tally.malformed > 0 ? EXIT.failed : EXIT.ok
}
