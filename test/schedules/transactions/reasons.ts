import { brokerError, ErrorCode } from '../../../src/protocol/error-codes.js'
import type { Cause, TransactionHistory, TransactionStory } from './history.js'
import { takeoversOf, timedOut } from './takeovers.js'

/** Of an EndTxn that finds its transaction aborted. */
const TOOK_TOO_LONG = 'its coordinator had aborted it'

/** What brokers answer a producer whose epoch is over: to Produce, and with version 2 to a commit. */
const FENCED: readonly number[] = [ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_TXN_STATE]

/** T10: transactions are committed, and producers go on, unless there is a reason. */
export function progressFindings(history: TransactionHistory): string[] {
  const { transactions, instances } = history
  const found: string[] = []
  for (const [index, story] of transactions.entries()) {
    const { told, left, cause, contents, instance } = story
    if (told === 'aborted' && !left && !isReason(history, index, cause))
      found.push(`T10: transaction ${index} was aborted without a reason: ${textOf(cause)}`)
    if (told === 'error' && !left && !mayEnd(history, instance, cause))
      found.push(`T10: transaction ${index} failed without a reason: ${textOf(cause)}`)
    if (told === undefined && !left) found.push(`T10: transaction ${index} did not end: ${JSON.stringify(contents)}`)
  }
  for (const [index, { events, probe }] of instances.entries()) {
    const fatal = events.find(event => event.kind === 'fatal')
    if (fatal?.kind === 'fatal' && !mayEnd(history, index, fatal.error))
      found.push(`T10: instance ${index} ended without a reason: ${textOf(fatal.error)}`)
    if (probe !== undefined) found.push(...probeFindings(history, index, transactions[probe]!, fatal !== undefined))
  }
  const last = transactions.at(-1)
  const committed = last?.instance === instances.length - 1 && last.told === 'committed'
  // A request of an earlier instance that is carried out late takes over.
  const fenced = last !== undefined && isFenced(last.cause) && initializedAgain(history)
  if (!committed && !fenced) found.push(`T10: the next instance did not commit: ${textOf(last?.cause)}`)
  return found
}

/** T8: after everything was healed, the instance that took over last commits, and the others learn that they were fenced. */
function probeFindings(
  history: TransactionHistory,
  index: number,
  { told, cause, at }: TransactionStory,
  fatal: boolean,
): string[] {
  if (isReplaced(history, index, at)) {
    if (told === 'committed') return [`T8: instance ${index} commits, and another one has taken over`]
    return fatal ? [] : [`T8: instance ${index} did not end, and another one has taken over: ${told} ${textOf(cause)}`]
  }
  // Brokers may have aborted something of it that it was not to hear of before.
  if (told === 'committed' || fatal) return []
  // It has not heard of the new topic before.
  const moved = ['TopicRecreatedError', 'DataLossError'].includes(cause?.name ?? '')
  if (moved && (history.recreated.size > 0 || cameLate(history))) return []
  // Its records expire before the markers of the transaction before it are written; what became of them is told by their last attempt.
  if (['DeliveryTimeoutError', 'ConnectionError'].includes(cause?.name ?? '') && markersAreSlow(history)) return []
  if (isFenced(cause) && (initializedAgain(history) || timedOut(history))) return []
  return [`T10: instance ${index} does not commit after everything was healed: ${told} ${textOf(cause)}`]
}

/** Another one has taken over, or something was carried out late that did so for a moment. */
function isFenced(cause: Cause | undefined): boolean {
  if (cause === undefined) return false
  const { name, code = ErrorCode.NONE, message } = cause
  return name === 'ProducerFencedError' || FENCED.includes(code) || message.includes(TOOK_TOO_LONG)
}

/** Another instance, but the one that looks at the results, took over later, and before a time. */
function isReplaced(history: TransactionHistory, index: number, before = Number.POSITIVE_INFINITY): boolean {
  const takeovers = takeoversOf(history).slice(0, -1)
  const own = takeovers[index]
  return own !== undefined && takeovers.some(one => one !== undefined && one.rank > own.rank && one.at < before)
}

/**
 * An InitProducerId was sent again, and the one before may be carried out late. Whatever is open by then is aborted by it, be it of another
 * instance, because Kafka compares the epoch last.
 */
function initializedAgain({ trace, instances }: TransactionHistory): boolean {
  const requests = trace.filter(entry => entry.kind === 'request' && entry.api === 'InitProducerId')
  return requests.length > instances.length
}

/** Markers may take as long as a record has. */
function markersAreSlow({ schedule }: TransactionHistory): boolean {
  const { deliveryTimeoutMs = Number.POSITIVE_INFINITY } = schedule.producer
  const slow = schedule.steps.flatMap(step =>
    step.do === 'inject' && step.rule.fault.kind === 'slowMarkers' ? [step.rule.fault.ms] : [],
  )
  return Math.max(0, schedule.cluster.markerDelayMs, ...slow) >= deliveryTimeoutMs
}

/** A batch of an earlier transaction came late: the partition waits for that one (KIP-890). */
function cameLate({ trace }: TransactionHistory): boolean {
  return trace.some(entry => entry.kind === 'rejected' && entry.rule === 'R9')
}

function isReason(history: TransactionHistory, transaction: number, cause?: Cause): boolean {
  const { schedule, instances, recreated, records, transactions, overflowed } = history
  const { contents, instance } = transactions[transaction]!
  switch (cause?.name) {
    case 'InvalidRecordError':
      return contents.bursts.some(({ invalid }) => invalid) || recreated.size > 0
    case 'SourceError':
      return contents.fails === true
    case 'ProducerClosedError':
      return instances[instance]!.closed
    case 'BufferFullError':
      return schedule.producer.bufferMemory !== undefined
    case 'DeliveryTimeoutError':
    // A batch expired while it was in flight: this is what became of it.
    case 'ConnectionError':
    case 'RequestTimeoutError':
      // Records of the next transactions may fill the buffer, and those of this one wait until they expire.
      return schedule.steps.length > 0 || schedule.producer.bufferMemory !== undefined
    case 'TransactionAbortedError':
      // The one before it was.
      return true
    case 'DataLossError':
      // A leader that has read its snapshot knows the last batch alone.
      if (schedule.steps.some(step => step.do === 'reloadProducers')) return true
      if (recreated.size > 0 || cameLate(history)) return true
      break
    case 'TopicRecreatedError':
      return recreated.size > 0
    case 'KafkaError':
      if (cause.message.includes(TOOK_TOO_LONG) && initializedAgain(history)) return true
      // A position needs a record.
      if (contents.position && !records.some((one, i) => one.transaction === transaction && !overflowed.has(i)))
        return true
  }
  // As above: what the broker said of the batch last.
  const passing = cause?.code !== undefined && brokerError(cause.code).retriable && schedule.steps.length > 0
  return passing || isInjected(history, cause?.code) || mayEnd(history, instance, cause)
}

/** Why a producer may end, or a transaction of it fail with no word of what became of it. */
function mayEnd(history: TransactionHistory, instance: number, cause: { name: string; message: string } | undefined) {
  const code = cause === undefined ? undefined : (cause as Cause).code
  const fenced = cause?.name === 'ProducerFencedError' || FENCED.includes(code ?? ErrorCode.NONE)
  // An instance that was closed may have taken over without having heard of it.
  if (fenced && (history.instances.length > 1 || timedOut(history) || initializedAgain(history))) return true
  if (cause?.name === 'ProducerClosedError') return history.instances[instance]!.closed
  return isInjected(history, code)
}

function isInjected({ schedule }: TransactionHistory, code: number | undefined): boolean {
  if (code === undefined) return false
  return schedule.steps.some(step => step.do === 'inject' && 'code' in step.rule.fault && step.rule.fault.code === code)
}

function textOf(cause: { name: string; message: string } | undefined): string {
  return cause === undefined ? 'no error' : `${cause.name}: ${cause.message}`
}
