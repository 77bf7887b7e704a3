import { windowFindings } from '../window-oracle.js'
import type { TransactionHistory, TransactionStory } from './history.js'
import { progressFindings } from './reasons.js'
import { takeoversOf } from './takeovers.js'

/**
 * Everything that is wrong with a run of transactions, as a reader of committed records sees it; nothing, where every one of these holds:
 *
 * | | |
 * |---|---|
 * | T1 | what was committed is there, whole, each record once, in its partition |
 * | T2 | nothing is there of what was aborted, or never committed |
 * | T3 | where nobody told what became of a commit, everything is there or nothing |
 * | T4 | in a partition transactions are in the order in which they began, and records in the order in which they were accepted |
 * | T5 | the group's offsets, and the position, are those of the last transaction that was committed with some |
 * | T6 | every record has one terminal event, acks are in order, and true |
 * | T7 | everything ends, and nothing is left: bytes, connections, timers, an open transaction |
 * | T8 | nothing of an instance is committed once another one has taken over; it ends |
 * | T9 | the invariants of the window, see {@link windowFindings} |
 * | T10 | whatever has no reason to be aborted, or to end the producer, is committed |
 *
 * What stood in a topic that was recreated may be gone.
 */
export function findings(history: TransactionHistory): string[] {
  return [
    ...wholeFindings(history),
    ...orderFindings(history),
    ...offsetFindings(history),
    ...ackFindings(history),
    ...endFindings(history),
    ...windowsFindings(history),
    ...progressFindings(history),
  ]
}

/** Numbers of the records that are in committed transactions, with the places of each. */
function placesOf({ logs }: TransactionHistory, kind: 'committed' | 'all'): Map<number, string[]> {
  const places = new Map<number, string[]>()
  for (const log of logs) {
    for (const number of log[kind]) {
      places.set(number, [...(places.get(number) ?? []), `${log.topic}-${log.partition}`])
    }
  }
  return places
}

/** The records of a transaction that are to be readable if it is committed. */
function numbersOf({ records, overflowed, recreated }: TransactionHistory, transaction: number): number[] {
  return records.flatMap((record, number) =>
    record.transaction === transaction && !overflowed.has(number) && !recreated.has(record.topic) ? [number] : [],
  )
}

/** T1 to T3. */
function wholeFindings(history: TransactionHistory): string[] {
  const { transactions, records, recreated } = history
  const found: string[] = []
  const places = placesOf(history, 'committed')
  for (const [number, at] of placesOf(history, 'all')) {
    const { topic, partition } = records[number]!
    if (at.length > 1) found.push(`T1: record ${number} is stored ${at.length} times: ${at.join(', ')}`)
    if (partition !== undefined ? at[0] !== `${topic}-${partition}` : !at[0]!.startsWith(`${topic}-`))
      found.push(`T1: record ${number} is stored in ${at[0]}, and belongs to ${topic}-${partition ?? '?'}`)
  }
  for (const [index, story] of transactions.entries()) {
    const numbers = numbersOf(history, index)
    const missing = numbers.filter(number => !places.has(number))
    const there = records.flatMap((one, number) => (one.transaction === index && places.has(number) ? [number] : []))
    const { told, committing, count, contents, kind, abortSaid = told } = story
    if (abortSaid !== told) found.push(`T2: transaction ${index} was ${told}, and abort() said ${abortSaid}`)
    if (told === 'committed') {
      if (missing.length > 0) found.push(`T1: records ${missing} of transaction ${index} are missing, it was committed`)
      const accepted = records.filter(({ transaction }) => transaction === index).length
      if (kind === 'operator' && (count !== accepted || count !== planned(story)) && recreated.size === 0)
        found.push(
          `T1: transaction ${index} has ${count} records, of ${accepted} accepted and ${planned(story)} planned`,
        )
      if (kind === 'operator' && contents.fails)
        found.push(`T2: transaction ${index} is committed, and its source failed`)
    } else if (told === 'aborted' || !committing) {
      if (there.length > 0) found.push(`T2: records ${there} can be read, transaction ${index} was ${told ?? 'left'}`)
    } else if (there.length > 0) {
      const whole =
        missing.length === 0 && (kind !== 'operator' || recreated.size > 0 || there.length === planned(story))
      if (!whole) found.push(`T3: records ${missing} of transaction ${index} are missing, and ${there} are there`)
    }
  }
  return found
}

function planned({ contents }: TransactionStory): number {
  return contents.bursts.reduce((sum, { count }) => sum + count, 0)
}

/** T4, and T8 in the log. */
function orderFindings(history: TransactionHistory): string[] {
  const { logs, transactions, records, recreated } = history
  const found: string[] = []
  const takeovers = takeoversOf(history)
  for (const { topic, partition, committed } of logs) {
    if (recreated.has(topic)) continue
    let last: readonly number[] = [-1, -1, -1]
    for (const number of committed) {
      const { transaction } = records[number]!
      const rank = takeovers[transactions[transaction]!.instance]?.rank ?? -1
      const place = [rank, transaction, number]
      if (isBefore(place, last)) {
        const rule = rank < last[0]! ? 'T8' : 'T4'
        found.push(
          `${rule}: in ${topic}-${partition} record ${number} of ${transaction} is behind ${last[2]} of ${last[1]}`,
        )
      }
      last = place
    }
  }
  return found
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i])
  return at !== -1 && a[at]! < b[at]!
}

/** T5. */
function offsetFindings(history: TransactionHistory): string[] {
  const { offsets, position, recreated, schedule } = history
  const found: string[] = []
  if (recreated.size > 0) return found
  const partitions = schedule.cluster.partitions[0]!
  for (let partition = 0; partition < partitions; partition++) {
    const last = lastCommitted(history, ({ contents }) => contents.offsets?.includes(partition) === true)
    const allowed = last.map(index => (index === undefined ? undefined : index + 1))
    const actual = offsets.get(partition)
    if (!allowed.includes(actual))
      found.push(`T5: the offset of t0-${partition} is ${actual}, not ${allowed.join(' or ')}`)
  }
  const last = lastCommitted(history, ({ contents }) => contents.position === true)
  const allowed = last.map(index => (index === undefined ? undefined : `p${index}`))
  if (!allowed.includes(position)) found.push(`T5: the position is ${position}, not ${allowed.join(' or ')}`)
  return found
}

/** Which transactions may be the last committed one of a kind; undefined: there may be none. */
function lastCommitted(
  history: TransactionHistory,
  isOfKind: (story: TransactionStory) => boolean,
): (number | undefined)[] {
  const { transactions } = history
  const takeovers = takeoversOf(history)
  const places = placesOf(history, 'committed')
  const order = [...transactions.keys()].sort((a, b) => {
    const [left, right] = [a, b].map(index => takeovers[transactions[index]!.instance]?.rank ?? -1)
    return right! - left! || b - a
  })
  const possible: number[] = []
  for (const index of order) {
    const story = transactions[index]!
    if (!isOfKind(story) || story.told === 'aborted' || !story.committing) continue
    const numbers = numbersOf(history, index)
    const isSure = story.told === 'committed' || numbers.some(number => places.has(number))
    if (isSure) return [...possible, index]
    // It was not, if its records are not there.
    if (numbers.length === 0) possible.push(index)
  }
  return [...possible, undefined]
}

/** T6. */
function ackFindings(history: TransactionHistory): string[] {
  const { records, settled, transactions, recreated, overflowed } = history
  const found: string[] = []
  const stored = placesOf(history, 'all')
  const counts = new Array<number>(records.length).fill(0)
  const lasts = new Map<string, number>()
  for (const { number, kind, topic, partition, persisted } of settled) {
    counts[number]!++
    const { transaction } = records[number]!
    if (kind === 'failed') {
      if (transactions[transaction]!.told === 'committed' && !overflowed.has(number))
        found.push(`T1: record ${number} failed, and transaction ${transaction} was committed`)
      if (persisted === 'no' && stored.has(number))
        found.push(`T6: record ${number} is stored, and reported as not stored`)
      continue
    }
    if (recreated.has(topic)) continue
    const place = `${topic}-${partition}`
    if (!stored.get(number)?.includes(place))
      found.push(`T6: record ${number} is acked in ${place}, and not stored there`)
    const line = `${transactions[transaction]!.instance} ${place}`
    const last = lasts.get(line) ?? -1
    if (number < last) found.push(`T6: in ${place} record ${number} is acked behind record ${last}`)
    lasts.set(line, Math.max(number, last))
  }
  counts.forEach((count, number) => {
    const { owed } = records[number]!
    if (!owed || (overflowed.has(number) && count === 0)) return
    if (count !== 1) found.push(`T6: record ${number} has ${count} terminal events`)
  })
  return found
}

/** T7. */
function endFindings({ hanging, left, trace }: TransactionHistory): string[] {
  const found = hanging.map(what => `T7: ${what}`)
  for (const [what, count] of Object.entries(left)) if (count > 0) found.push(`T7: ${count} ${what} are left`)
  const last = trace.findLast(entry => entry.kind === 'transaction')
  if (last?.kind === 'transaction' && ['Ongoing', 'PrepareCommit', 'PrepareAbort'].includes(last.state))
    found.push(`T7: the transaction is ${last.state} in the end`)
  return found
}

/** T9. */
function windowsFindings({ schedule, instances, trace }: TransactionHistory): string[] {
  return instances.flatMap(({ clientId }) => {
    const connections = new Set<number>()
    for (const entry of trace)
      if (entry.kind === 'request' && entry.clientId === clientId) connections.add(entry.connection)
    const own = trace.filter(entry => 'connection' in entry && connections.has(entry.connection))
    return windowFindings({ schedule, trace: own, transactional: true }).map(one => `T9: ${clientId}: ${one}`)
  })
}
