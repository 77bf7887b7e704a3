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
  for await (const block of reading.blocks()) {
    for (const record of reading.recordsOf(block)) {
      if (reading.ended() || out.isClosed) break
      reading.taken(record)
      await out.line(json ? asJson(record) : described(record))
    }
    if (reading.ended() || out.isClosed) break
  }
  const malformed = tally.malformed > 0 ? `; ${several(tally.malformed, 'line')} malformed` : ''
  terminal?.line(`${several(tally.read, 'record')} would be sent${malformed}`)
  return tally.malformed > 0 ? EXIT.failed : EXIT.ok
}
