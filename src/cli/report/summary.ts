import { clock, count, megabytes, several } from './format.js'
import type { Tally } from './tally.js'

/** What `--json` prints: one line. */
export function summaryJson(tally: Tally, seconds: number, exitCode: number, error: string | undefined): string {
  const { acked, failed, malformed, maybe, ackedBytes, last } = tally
  return JSON.stringify({
    ...{ acked, failed, malformed, maybeStored: maybe, bytes: ackedBytes, seconds: Number(seconds.toFixed(3)) },
    ...{ recordsPerSecond: Math.round(acked / seconds), bytesPerSecond: Math.round(ackedBytes / seconds) },
    last: last && { input: last.block.input, line: last.number },
    ...{ exitCode, error },
  })
}

/** The last line for a person. */
export function summaryText({ acked, failed, malformed, maybe, ackedBytes }: Tally, seconds: number): string {
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : clock(seconds)
  const rate = `${count(acked / seconds)}/s, ${megabytes(ackedBytes / seconds)}/s`
  const of = [malformed > 0 && `${count(malformed)} malformed`, maybe > 0 && `${count(maybe)} may be stored`].filter(
    Boolean,
  )
  const failures = failed === 0 ? '' : `, ${count(failed)} failed${of.length > 0 ? ` (${of.join(', ')})` : ''}`
  return `${several(acked, 'record')} acked in ${time} (${rate})${failures}`
}
