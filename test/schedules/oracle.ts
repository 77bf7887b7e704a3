import type { History, Settled } from './history.js'
import { windowFindings } from './window-oracle.js'

/**
 * Everything that is wrong with a run; nothing, where every one of these holds:
 *
 * | | |
 * |---|---|
 * | I1 | what was acked is readable once, at its offset where that is known |
 * | I2 | nothing is readable twice |
 * | I3 | each log is in the order of acceptance, which is each stream's order too; so are acks |
 * | I4 | what failed as certainly not stored was never stored |
 * | I5 | every record has one terminal event, from its own stream, within `deliveryTimeoutMs` |
 * | I6 | in the end there are no bytes, connections and timers left, every call resolved after what it waits for, every stream ended once, after its last record; and after a healing every partition goes on |
 *
 * Row 35 of the fault matrix: in a compacted topic no record without key is acked, and no other fails for it.
 *
 * And the invariants of the window, see {@link windowFindings}.
 *
 * Brokers may lose what they had. That is not the producer's doing, and is excused as narrowly as it can be:
 *
 * - A record that a step took out of a log need not be readable (I1): the run compares the log before and after the step.
 * - Where a leader forgot the producer, records that were under way, or came before it stored something again, may stand
 *   behind records that were accepted later (I3): a leader that knows nothing takes any sequence as the first (R5). Not so
 *   with `strictFirstSequence`, and not where the producer had been idle, for it must reckon with that.
 * - In the same case a record may be acked, at an offset that nobody knows, and never have been stored (I1): the leader took a
 *   later one as the first, and so seems to have had those before it.
 * - An epoch fences what is carried out late, but nothing fences a producer id that was given up: a record that the user was told
 *   may be stored can then be stored out of order (I3).
 * - Records of a recreated topic may be placed anew, behind some that have come to the new one before anybody told of it.
 *   Those with one key, or that name one partition, are in order all the same (I3).
 * - No duplicate is ever excused: a leader is made to forget only while everything that was sent to it is confirmed.
 */
export function findings(history: History): string[] {
  return [
    ...storedFindings(history),
    ...settledFindings(history),
    ...streamFindings(history),
    ...endFindings(history),
    ...refusalFindings(history),
    ...windowFindings(history),
  ]
}

/** I1 to I4. */
function storedFindings(history: History): string[] {
  const found: string[] = []
  const { offered, settled, logs, appended, removed } = history
  const places = new Map<number, string[]>()
  for (const { topic, partition, records } of logs) {
    for (const { number, offset } of records) {
      if (offered[number]?.topic !== topic)
        found.push(`I1: ${topic}-${partition}@${offset} holds what nobody sent there`)
      places.set(number, [...(places.get(number) ?? []), `${partition}@${offset}`])
    }
  }
  for (const [number, at] of places) {
    if (at.length > 1) found.push(`I2: record ${number} is stored ${at.length} times: ${at.join(', ')}`)
  }
  const ever = new Map<number, Set<string>>()
  for (const { number, partition, offset } of appended) {
    ever.set(number, (ever.get(number) ?? new Set()).add(`${partition}@${offset}`))
  }
  for (const { number, kind, partition, offset = -1, persisted } of settled) {
    if (kind === 'acked') {
      const place = `${partition}@${offset}`
      const known = ever.get(number) ?? new Set()
      if (!known.size && offset === -1 && forgottenMeanwhile(history, offered[number]!.topic, partition!, number))
        continue
      if (!places.has(number) && !removed.has(number)) found.push(`I1: record ${number} is acked and not readable`)
      else if (offset >= 0 ? !known.has(place) : ![...known].some(one => one.startsWith(`${partition}@`))) {
        found.push(`I1: record ${number} is acked at ${place}, but stored at ${[...known].join(', ') || 'no place'}`)
      }
    } else if (persisted === 'no' && ever.has(number)) {
      found.push(`I4: record ${number} is reported as not stored, but it was, at ${[...ever.get(number)!].join(', ')}`)
    }
  }
  for (const { topic, partition, records } of logs) {
    const late = unfenced(history, topic, partition)
    const numbers = records.filter(({ number, offset }) => !late(number, offset)).map(({ number }) => number)
    found.push(...orderFindings(history, topic, partition, numbers, 'stored'))
  }
  found.push(...ackOrderFindings(history))
  return found
}

/** Tells of a record whether it was stored late, under a producer id that the partition had already replaced, and the user was warned. */
function unfenced({ settled, trace }: History, topic: string, partition: number): (n: number, at: number) => boolean {
  const warned = new Set(settled.filter(({ persisted }) => persisted === 'maybe').map(({ number }) => number))
  const late = new Set<number>()
  let newest = -1n
  for (const entry of trace) {
    if (entry.kind !== 'appended' || entry.topic !== topic || entry.partition !== partition) continue
    if (entry.producerId > newest) newest = entry.producerId
    else if (entry.producerId < newest) for (let i = 0; i < entry.count; i++) late.add(Number(entry.baseOffset) + i)
  }
  return (number, offset) => warned.has(number) && late.has(offset)
}

function ackOrderFindings(history: History): string[] {
  const acked = new Map<string, Settled[]>()
  for (const one of history.settled) {
    if (one.kind !== 'acked') continue
    const name = `${history.offered[one.number]?.topic} ${one.partition}`
    const list = acked.get(name)
    if (list === undefined) acked.set(name, [one])
    else list.push(one)
  }
  return [...acked].flatMap(([name, acks]) => {
    const [topic, partition] = name.split(' ')
    const numbers = acks.map(({ number }) => number)
    return orderFindings(history, topic!, Number(partition), numbers, 'acked')
  })
}

/** The record was under way, or came before the leader stored something again, when that had forgotten the producer. */
function forgottenMeanwhile({ amnesia, schedule }: History, topic: string, partition: number, number: number): boolean {
  if (schedule.cluster.strictFirstSequence) return false
  return amnesia.some(
    one =>
      one.topic === topic &&
      one.partition === partition &&
      one.until !== undefined &&
      (one.unsettled.has(number) || (number >= one.from && number < one.until)),
  )
}

/** The record had no terminal event, or was still to come, when its topic was deleted. */
function underWayWhenDeleted({ deletions }: History, topic: string, number: number): boolean {
  return deletions.some(one => one.topic === topic && (one.unsettled.has(number) || number >= one.from))
}

function orderFindings(
  history: History,
  topic: string,
  partition: number,
  numbers: readonly number[],
  what: string,
): string[] {
  const found: string[] = []
  let last = -1
  const lasts = new Map<string | undefined, number>()
  for (const number of numbers) {
    const line = history.offered[number]?.line
    const placedAnew = underWayWhenDeleted(history, topic, number)
    const before = placedAnew ? (line === undefined ? -1 : (lasts.get(line) ?? -1)) : last
    if (number < before && !forgottenMeanwhile(history, topic, partition, number)) {
      found.push(`I3: in ${topic}-${partition} record ${number} is ${what} behind record ${before}`)
    }
    last = Math.max(last, number)
    lasts.set(line, Math.max(lasts.get(line) ?? -1, number))
  }
  return found
}

/** I5. */
function settledFindings({ offered, settled, streams, schedule }: History): string[] {
  const found: string[] = []
  const { deliveryTimeoutMs = 120_000 } = schedule.producer
  const counts = new Array<number>(offered.length).fill(0)
  for (const { number, stream, at, kind, persisted, attempts = 0 } of settled) {
    const record = offered[number]
    if (record === undefined) {
      found.push(`I5: a terminal event of record ${number}, which nobody sent`)
      continue
    }
    counts[number]!++
    if (record.stream !== stream) found.push(`I5: record ${number} of stream ${record.stream} is settled in ${stream}`)
    // Not a millisecond more: the timer is set for that time, and virtual time stands still while things are done.
    const took = at - record.at
    if (took > deliveryTimeoutMs) found.push(`I5: record ${number} is settled after ${took} ms`)
    if (kind === 'failed' && persisted === 'maybe' && attempts === 0) {
      found.push(`I5: record ${number} was never sent and may be stored all the same`)
    }
  }
  // The one that finds no room ends its stream, if so told, and has no other terminal event than that.
  const overflowed = new Set<number>()
  streams.forEach(({ ends }, stream) => {
    if (ends.some(({ error }) => error === 'BufferFullError')) {
      overflowed.add(offered.findLastIndex(record => record.stream === stream))
    }
  })
  counts.forEach((count, number) => {
    if (count > 1) found.push(`I5: record ${number} has ${count} terminal events`)
    const silent = streams[offered[number]!.stream]?.unsubscribedAt !== undefined || overflowed.has(number)
    if (count === 0 && !silent) found.push(`I5: record ${number} has no terminal event`)
  })
  return found
}

/** Every stream ends once, as its source does, and after everything that it is owed. */
function streamFindings({ offered, settled, streams, events, schedule }: History): string[] {
  const found: string[] = []
  const fatal = events.some(({ kind }) => kind === 'fatal')
  const lastSettled = new Map<number, number>()
  settled.forEach(({ stream }, i) => {
    lastSettled.set(stream, i)
  })
  streams.forEach(({ ends, unsubscribedAt }, stream) => {
    if (ends.length + (unsubscribedAt === undefined ? 0 : 1) !== 1) {
      found.push(
        `I6: stream ${stream} ended ${ends.length} times${unsubscribedAt === undefined ? '' : ', unsubscribed'}`,
      )
    }
    for (const { kind, error, settledBefore } of ends) {
      if ((lastSettled.get(stream) ?? -1) >= settledBefore)
        found.push(`I6: stream ${stream} ended before its last record`)
      const plan = schedule.streams[stream]
      if (kind === 'completed') {
        if (plan?.end === 'open' && plan.by !== 'publish')
          found.push(`I6: stream ${stream} completed, and its source had not ended`)
        continue
      }
      const ownError = error === 'SourceError' && plan?.end === 'error'
      const overflow = error === 'BufferFullError' && schedule.producer.overflow === 'error'
      // The producer was closed before its source had ended; so was that of every stream that is no plan's.
      const given = offered.filter(record => record.stream === stream).length
      const planned = plan?.bursts.reduce((sum, { count }) => sum + count, 0) ?? Number.POSITIVE_INFINITY
      const open = plan?.end === 'open' || plan?.by === 'publishAsync' || given < planned || given === 0
      const closed = error === 'ProducerClosedError' && open
      if (!ownError && !overflow && !closed && !fatal) found.push(`I6: stream ${stream} errored with ${error}`)
    }
  })
  return found
}

/** Row 35. What else can refuse a record for good, such as a fault or a limit, excuses the others. */
function refusalFindings({ offered, settled, schedule, trace }: History): string[] {
  const { compacted, maxMessageBytes } = schedule.cluster
  // One that asking for it makes anew is not compacted.
  if (!compacted || schedule.steps.some(step => step.do === 'deleteTopic')) return []
  const found: string[] = []
  const injected = trace.some(entry => entry.kind === 'fault' && entry.fault.kind === 'error')
  const excused = injected || maxMessageBytes !== undefined || schedule.producer.retries !== undefined
  for (const { number, kind, error, persisted } of settled) {
    const keyless = offered[number]?.keyless
    if (keyless && kind === 'acked') found.push(`35: record ${number} is acked without a key, in a compacted topic`)
    if (!keyless && !excused && persisted === 'no' && error === 'BrokerError') {
      found.push(`35: record ${number} failed for another one that has no key`)
    }
  }
  return found
}

/** I6, and memory at all times (invariant 23). */
function endFindings({
  offered,
  settled,
  streams,
  calls,
  left,
  mostBytes,
  stuck,
  intercepted,
  schedule,
}: History): string[] {
  const found: string[] = []
  const { bufferMemory = 33_554_432 } = schedule.producer
  if (mostBytes > bufferMemory) found.push(`23: ${mostBytes} bytes were buffered, \`bufferMemory\` is ${bufferMemory}`)
  for (const [what, count] of Object.entries(left)) if (count > 0) found.push(`I6: ${count} ${what} are left`)
  for (const finding of intercepted) found.push(`17: ${finding}`)
  for (const partition of stuck) found.push(`I6: nothing goes through ${partition} any more`)
  if (!calls.some(({ kind }) => kind === 'close')) found.push('I6: the producer was not closed')
  const settledAt = new Map(settled.map(({ number }, i) => [number, i]))
  for (const { kind, offeredBefore, settledBefore } of calls) {
    if (settledBefore === undefined) {
      found.push(`I6: ${kind}() did not resolve`)
      continue
    }
    for (let number = 0; number < offeredBefore; number++) {
      const { unsubscribedAt } = streams[offered[number]!.stream]!
      if (unsubscribedAt === undefined && (settledAt.get(number) ?? -1) >= settledBefore) {
        found.push(`I6: ${kind}() resolved before record ${number} was settled`)
      }
    }
  }
  return found
}
