import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { History } from './history.js'

/** What runs came across, by name: what never happens is not proven. */
export type Coverage = Record<string, number>

export function coverageOf({ schedule, settled, events, trace, offered, calls, streams }: History): Coverage {
  const coverage: Coverage = { schedules: 1, 'records offered': offered.length }
  const count = (name: string, times = 1): void => {
    coverage[name] = (coverage[name] ?? 0) + times
  }
  for (const { kind, persisted, error, attempts = 1 } of settled) {
    count(kind === 'failed' ? `failed, persisted ${persisted}` : kind)
    if (error === 'TopicRecreatedError') count('may be in a topic that is no more')
    if (error === 'DeliveryTimeoutError') count(attempts === 0 ? 'expired unsent' : 'expired after it was sent')
  }
  for (const { kind } of events) {
    if (['retrying', 'epochBumped', 'dataLoss', 'fatal', 'throttled', 'disconnected'].includes(kind)) count(kind)
  }
  const idle = events.filter(event => event.kind === 'disconnected' && event.error.name === 'IdleConnectionError')
  if (idle.length > 0) count('closed as idle by the producer', idle.length)
  if (schedule.cluster.connectionsMaxIdleMs !== undefined) {
    const left = events.filter(
      event => event.kind === 'disconnected' && /closed by the broker$/.test(event.error.message),
    )
    if (left.length > 0) count('closed as idle by the broker', left.length)
  }
  const renewed = events.filter(event => event.kind === 'epochBumped' && event.error.name === 'TopicRecreatedError')
  if (renewed.length > 0) count('partition recreated', renewed.length)
  const producerIds = events.filter(({ kind }) => kind === 'producerId').length
  if (producerIds > 1) count('new producer id', producerIds - 1)
  for (const entry of trace) {
    if (entry.kind === 'fault') count(`fault ${entry.fault.kind}`)
    if (entry.kind === 'fault' && entry.fault.kind === 'error' && entry.fault.code === ErrorCode.REBOOTSTRAP_REQUIRED)
      count('sent back to the bootstrap list')
    if (entry.kind === 'duplicate') count('duplicate found by R1')
    if (entry.kind === 'rejected' && entry.rule === 'record') count('records refused')
    if (entry.kind === 'fault' && entry.fault.kind === 'error' && entry.fault.recordErrors?.length)
      count('records named')
    if (entry.kind === 'rejected' && entry.rule.startsWith('R')) count(`rejected by ${entry.rule}`)
  }
  for (const { kind } of calls) count(`${kind}()`)
  for (const { unsubscribedAt } of streams) if (unsubscribedAt !== undefined) count('unsubscribed')
  return coverage
}

export function add(sum: Coverage, more: Coverage): void {
  for (const [name, times] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + times
}
