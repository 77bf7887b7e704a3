import { BufferFullError, ProducerClosedError, RecordFailedError } from '../../../src/index.js'
import type { StreamLog } from './log.js'
import { AbortReason, canWait, givesAcks, isStream, type Outcome, SourceError } from './run.js'

/** Everything that is wrong with a run; the numbers are those of the design's invariants. */
export function findings(outcome: Outcome): string[] {
  const { script, streams, logs, calls, events, left, wrong } = outcome
  const found = [...wrong]
  for (const [what, count] of Object.entries(left)) if (count > 0) found.push(`${count} ${what} are left`)
  const { bufferMemory = 33_554_432 } = script.producer
  if (logs.mostBytes > bufferMemory) found.push(`23: ${logs.mostBytes} bytes were buffered, of ${bufferMemory}`)
  for (const { kind, outcome, patience, calledAt, endedAt, limitMs } of calls) {
    if (limitMs !== undefined && endedAt > calledAt + limitMs) found.push(`${kind}() took more than ${limitMs} ms`)
    if (outcome === 'pending') found.push(`18: ${kind}() has never ended`)
    else if (outcome !== 'done' && (outcome !== patience?.reason || !patience?.aborted)) {
      found.push(`18: ${kind}() was rejected with ${outcome}`)
    }
  }
  const fatal = events.includes('fatal')
  for (const [i, stream] of streams.entries()) {
    const name = `stream ${i} (${stream.plan.form})`
    const all = [
      ...stream.wrong,
      ...stream.inTheEnd.flatMap(({ holds, what }) => (holds() ? [] : [what])),
      ...terminalFindings(stream),
      ...storedFindings(stream, outcome),
      ...endFindings(stream, outcome, fatal),
      ...writeFindings(stream),
    ]
    found.push(...all.map(text => `${name}: ${text}`))
  }
  const offered = new Set(streams.flatMap(({ offered }) => offered))
  for (const number of logs.stored.keys()) if (!offered.has(number)) found.push(`nobody sent record ${number}`)
  return found
}

/** 17: each record that was accepted is told of once. */
function terminalFindings({ plan, looked, told, ends }: StreamLog): string[] {
  const found: string[] = []
  const counts = new Map<number, number>()
  for (const { number } of told) counts.set(number, (counts.get(number) ?? 0) + 1)
  for (const [number, count] of counts) {
    if (count > 1) found.push(`17: record ${number} is told of ${count} times`)
    // What waits for its turn with an asynchronous serializer is taken before anyone looks at it.
    if (!looked.has(number) && plan.serializer !== 'async')
      found.push(`17: record ${number} is told of, and was never taken`)
  }
  if (canWait(plan)) {
    const refused = told.filter(({ error }) => error instanceof BufferFullError && !/maxBlockMs/.test(error.message))
    if (refused.length > 0) found.push(`it can wait, and was refused ${refused.map(({ number }) => number)}`)
  }
  const [end] = ends
  if (!givesAcks(plan) || end === undefined || end.kind === 'left') return found
  // It ends at once: what is owed goes to nobody.
  if (end.error instanceof AbortReason) return found
  // A source that fails destroys, or aborts, the stream that it is piped into.
  if (end.error instanceof SourceError && isStream(plan)) return found
  const silent = [...looked].filter(number => !counts.has(number))
  // The one that finds no room ends its stream, and is told of by that.
  const overflowed = end.error instanceof BufferFullError && !/maxBlockMs/.test(end.error.message) ? 1 : 0
  if (silent.length > overflowed) found.push(`17: records ${silent} are not told of`)
  return found
}

/** What is told is true: once in the log and in order, or certainly not there. */
function storedFindings(stream: StreamLog, { logs }: Outcome): string[] {
  const found: string[] = []
  const { offered, looked, told, plan, ends } = stream
  const own = new Set(offered)
  for (const number of offered) {
    const places = logs.stored.get(number) ?? []
    if (places.length > 1) found.push(`record ${number} is stored ${places.length} times: ${places}`)
    if (places.length > 0 && !looked.has(number)) found.push(`record ${number} is stored, and was never taken`)
  }
  for (const { number, kind, partition, offset, persisted, stored } of told) {
    const places = logs.stored.get(number) ?? []
    if (kind === 'acked') {
      if (!stored) found.push(`record ${number} was acked before it was stored`)
      const place = offset === -1n ? places[0] : `${partition}@${offset}`
      if (!places.includes(place!)) found.push(`record ${number} is acked at ${place}, and stored at ${places}`)
    } else if (persisted === 'no' && places.length > 0) {
      found.push(`record ${number} is told of as not stored, and is, at ${places}`)
    }
  }
  for (const [partition, numbers] of logs.order) {
    found.push(
      ...orderFindings(
        numbers.filter(number => own.has(number)),
        `stored in ${partition}`,
      ),
    )
    const acked = told.filter(one => one.kind === 'acked' && one.partition === partition)
    found.push(
      ...orderFindings(
        acked.map(({ number }) => number),
        `acked in ${partition}`,
      ),
    )
  }
  // `finish` means that brokers have confirmed every record that was not told of as failed.
  const [end] = ends
  if (end?.kind === 'complete' && !givesAcks(plan)) {
    const failed = new Set(told.map(({ number }) => number))
    for (const number of looked) {
      if (!end.stored.has(number) && !failed.has(number)) found.push(`it finished without record ${number}`)
    }
    if (!plan.onFailed && failed.size > 0) found.push('it finished though records had failed')
  }
  return found
}

function orderFindings(numbers: readonly number[], where: string): string[] {
  return numbers.flatMap((number, i) => {
    const before = numbers[i - 1] ?? -1
    return number > before ? [] : [`record ${number} is ${where} behind record ${before}`]
  })
}

/** It ends once, for a reason that there was, and loses nothing by that. */
function endFindings(stream: StreamLog, { script }: Outcome, fatal: boolean): string[] {
  const { plan, ends, offered, looked, told, sourceLeft } = stream
  const [end] = ends
  if (end === undefined || ends.length > 1) return [`it ended ${ends.length} times`]
  const found: string[] = []
  if (told.length > end.told) found.push('it told of records after its end')
  const { kind, error, causes } = end
  const reasons: readonly [boolean, boolean][] = [
    [kind === 'complete', causes.has('end')],
    [kind === 'left', causes.has('leave')],
    [error instanceof SourceError, causes.has('fail')],
    [error instanceof AbortReason, causes.has('abort')],
    [error instanceof ProducerClosedError, causes.has('close')],
    [
      error instanceof BufferFullError,
      canWait(plan) ? script.producer.maxBlockMs !== undefined : script.producer.overflow === 'error',
    ],
    [error instanceof RecordFailedError, !givesAcks(plan) && !plan.onFailed],
    [error !== undefined, fatal],
  ]
  if (!reasons.some(([is, may]) => is && may)) found.push(`it ended as ${kind}, ${error}, after ${[...causes]}`)
  if (kind === 'complete') {
    const known = new Set([...looked, ...told.map(({ number }) => number)])
    const lost = offered.filter(number => !known.has(number))
    if (lost.length > 0) found.push(`it ended without having taken ${lost}`)
  }
  if (sourceLeft > 1) found.push(`its source was left ${sourceLeft} times`)
  const asked = /async iterable|Readable|web stream/.test(plan.form)
  if (asked && sourceLeft === 0 && !causes.has('end') && !causes.has('fail')) found.push('its source was not left')
  if (plan.form === 'publish iterable' && sourceLeft === 0 && looked.size > 0) found.push('its source was not left')
  return found
}

/** Who writes is called back once, and told the truth. */
function writeFindings({ writes, looked }: StreamLog): string[] {
  return writes.flatMap(({ numbers, outcomes }) => {
    if (outcomes.length !== 1) return [`the write of ${numbers} was called back ${outcomes.length} times`]
    if (outcomes[0] !== undefined || numbers.every(number => looked.has(number))) return []
    return [`the write of ${numbers} was called back as accepted, and was not`]
  })
}
