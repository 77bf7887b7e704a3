import type { Coverage } from '../coverage.js'
import type { TransactionHistory } from './history.js'
import { takeoversOf, timedOut } from './takeovers.js'

/** What a run came across, by name: what never happens is not proven. */
export function coverageOf(history: TransactionHistory): Coverage {
  const { schedule, transactions, records, settled, instances, trace, depth, recreated } = history
  const coverage: Coverage = { schedules: 1, records: records.length }
  const count = (name: string, times = 1): void => {
    coverage[name] = (coverage[name] ?? 0) + times
  }
  count(`transaction.version ${schedule.cluster.transactionVersion}`)
  for (const { kind, told = 'unknown', cause, contents, abortSaid } of transactions) {
    count(`${kind} ${told}`)
    if (abortSaid !== undefined) count(`abort() while commit(): ${abortSaid}`)
    if (cause !== undefined) count(`because of ${cause.name}`)
    if (told === 'committed' && contents.offsets !== undefined) count('offsets committed')
    if (told === 'committed' && contents.position) count('position committed')
  }
  for (const { kind, persisted } of settled) count(kind === 'acked' ? 'acked' : `failed, persisted ${persisted}`)
  for (const { events } of instances) {
    for (const { kind } of events) if (['retrying', 'fatal', 'coordinatorFailed'].includes(kind)) count(kind)
  }
  for (const entry of trace) {
    if (entry.kind === 'fault') count(`fault ${entry.fault.kind}`)
    if (entry.kind === 'duplicate') count('duplicate found by R1')
    if (entry.kind === 'rejected' && entry.rule.startsWith('R')) count(`rejected by ${entry.rule}`)
  }
  if (takeoversOf(history).filter(one => one !== undefined).length > 2) count('another instance took over')
  if (timedOut(history)) count('the coordinator timed a transaction out')
  if (depth > 1) count('more than one request in flight')
  if (recreated.size > 0) count('topic recreated')
  return coverage
}
