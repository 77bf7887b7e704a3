import { LONGEST_COMPRESSION } from '../support/slow-codec.js'
import type { Disturbance, History, Settled } from './history.js'

/**
 * How long the consequences of something that went wrong may last, besides `requestTimeoutMs` for what was in flight: back-off of
 * connections, metadata and partitions, a second each.
 */
const RECOVERY_MS = 4_000
/** How long the producer may take metadata for outdated until it believes it. */
const DISBELIEF_MS = 10_000

/** What comes between two batches of a partition, besides the network, the linger and compression: back-off after a connection closed as idle. */
const PAUSE_MS = 2_000

/**
 * Progress: a record expires only for a reason. Right before, either something was wrong (a fault that struck, a broker that was away, a
 * step that changed the cluster), or its partition was moving, and there was too much to send: brokers had batches of it.
 */
export function progressFindings(history: History): string[] {
  const expired = history.settled.filter(({ error }) => error === 'DeliveryTimeoutError')
  if (expired.length === 0) return []
  const troubles = troublesOf(history)
  const pause = longestPause(history)
  return expired
    .filter(one => isUnexplained(history, one, troubles, pause))
    .map(
      ({ number, at }) =>
        `progress: record ${number} expired at ${at} ms, and its partition had no reason to stand still`,
    )
}

function isUnexplained(
  { offered, deletions, schedule, trace }: History,
  { number, at, partition }: Settled,
  troubles: readonly Disturbance[],
  pause: number,
): boolean {
  const { topic, at: offeredAt, line } = offered[number]!
  const from = at - pause
  if (offeredAt > from) return false
  // A partition that is not there, or is no more.
  const count = schedule.cluster.partitions[Number(topic.slice(1))]!
  if (line?.startsWith('partition') && Number(line.slice('partition '.length)) >= count) return false
  if (deletions.some(one => one.topic === topic && one.at <= at)) return false
  if (troubles.some(trouble => trouble.from <= at && trouble.until >= from)) return false
  return !trace.some(
    entry =>
      (entry.kind === 'appended' || entry.kind === 'duplicate' || entry.kind === 'rejected') &&
      entry.at >= from &&
      entry.topic === topic &&
      entry.partition === partition,
  )
}

/** How long it may take, when nothing is wrong, until a broker has the next batch of a partition that has some to send. */
function longestPause({ schedule, offered }: History): number {
  const { latencyMs, replyDelayMs, partitions } = schedule.cluster
  const { linger = 0, compression } = schedule.producer
  // Requests may have room for one batch each, of one partition after the other.
  const turns = partitions.reduce((sum, count) => sum + count, 4) * (2 * latencyMs + replyDelayMs)
  // Every record may be a batch, and three are compressed at a time.
  const compressed = compression === 'gzip' ? (offered.length / 3) * LONGEST_COMPRESSION : 0
  return PAUSE_MS + linger + 4 * turns + compressed
}

/** When something was wrong, or its consequences may have lasted. */
function troublesOf({ schedule, disturbances, trace }: History): Disturbance[] {
  const lasting = RECOVERY_MS + (schedule.producer.requestTimeoutMs ?? 30_000)
  const troubles = disturbances.map(({ from, until }) => ({ from, until: until + lasting }))
  for (const entry of trace) {
    if (entry.kind !== 'fault') continue
    const { at, fault, connection } = entry
    let until = at + ('ms' in fault ? fault.ms : 0) + (fault.kind === 'staleMetadata' ? DISBELIEF_MS : 0)
    if (fault.kind === 'slowDrain') {
      until = Number.POSITIVE_INFINITY
      const end = trace.find(
        other => other.kind === 'disconnected' && other.connection === connection && other.at >= at,
      )
      if (end !== undefined) until = end.at
    }
    troubles.push({ from: at, until: until + lasting })
  }
  return troubles
}
