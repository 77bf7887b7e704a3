import type { SchedulerLike } from 'rxjs'
import { KafkaError } from '../../errors.js'
import { Deadlines } from '../time/deadlines.js'
import type { WaitingOn } from './events.js'
import type { Partition } from './partition.js'
import type { Topic } from './topic.js'

/** How long, in ms, a broker with work may answer nothing before it counts as hanging. */
const QUIET_MS = 1_000

/**
 * What keeps partitions from sending. Records without a key avoid such partitions, and errors and events about waiting records
 * report the reason.
 */
export class Obstacles {
  readonly #scheduler: SchedulerLike
  readonly #hasReady: (nodeId: number) => boolean
  #changes = 0
  /** Nodes that could not be connected to, or whose connection broke, with the reason. */
  readonly #unreachable = new Map<number, Error>()
  /** By node: how many pauses that it asked for are not over, and the error that reports the last one. */
  readonly #pauses = new Map<number, { readonly count: number; readonly error: Error }>()
  /** Nodes that have not answered for {@link QUIET_MS}, or since their connection broke, with the error to report. */
  readonly #silent = new Map<number, Error>()
  /** Unanswered produce requests, by node. */
  readonly #inFlight = new Map<number, number>()
  /** Nodes with work, since it arrived or since their last response. */
  readonly #quiet: Deadlines<number>

  /** @param hasReady whether something can be sent to a node now. */
  constructor(scheduler: SchedulerLike, hasReady: (nodeId: number) => boolean) {
    this.#scheduler = scheduler
    this.#hasReady = hasReady
    this.#quiet = new Deadlines(scheduler, QUIET_MS, nodeId => this.#fellSilent(nodeId))
  }

  /** Increases whenever an earlier result of {@link moves} may be out of date. */
  get changes(): number {
    return this.#changes
  }

  /**
   * Whether a record appended to the partition is likely to be sent soon. A partition or broker with nothing to send always
   * moves, because only a new record can show whether it has recovered.
   */
  moves(partition: Partition): boolean {
    const { leader, stalled } = partition
    if (stalled || this.#pauses.has(leader)) return false
    return !this.#silent.has(leader) || !this.#hasWork(leader)
  }

  /** A partition that the node leads is ready. */
  ready(nodeId: number): void {
    if (!this.#quiet.has(nodeId)) this.#quiet.add(nodeId, this.#scheduler.now())
  }

  /** A produce request has left for the node. */
  sent(nodeId: number): void {
    this.#inFlight.set(nodeId, (this.#inFlight.get(nodeId) ?? 0) + 1)
  }

  /** A produce request to the node was answered or lost, and its partitions have their results. */
  responded(nodeId: number, lost: boolean): void {
    this.#changes++
    this.#inFlight.set(nodeId, this.#inFlight.get(nodeId)! - 1)
    if (!lost) this.#silent.delete(nodeId)
    if (this.#hasWork(nodeId)) this.#quiet.add(nodeId, this.#scheduler.now())
    else this.#quiet.delete(nodeId)
  }

  connected(nodeId: number): void {
    this.#unreachable.delete(nodeId)
  }

  disconnected(nodeId: number, error: Error): void {
    this.#changes++
    this.#unreachable.set(nodeId, error)
    this.#silent.set(nodeId, error)
  }

  /** The node has left the cluster. */
  left(nodeId: number): void {
    this.#unreachable.delete(nodeId)
    this.#silent.delete(nodeId)
    this.#inFlight.delete(nodeId)
    this.#quiet.delete(nodeId)
  }

  pauseBegan(nodeId: number, throttleTimeMs: number): void {
    this.#changes++
    const count = (this.#pauses.get(nodeId)?.count ?? 0) + 1
    const asked = `broker ${nodeId} has asked to be sent nothing for ${throttleTimeMs} ms, as for a quota (KIP-219)`
    this.#pauses.set(nodeId, { count, error: new KafkaError(asked) })
  }

  pauseEnded(nodeId: number): void {
    const { count, error } = this.#pauses.get(nodeId)!
    if (count > 1) this.#pauses.set(nodeId, { count: count - 1, error })
    else this.#pauses.delete(nodeId)
  }

  isPaused(nodeId: number): boolean {
    return this.#pauses.has(nodeId)
  }

  /** Leaders may have changed, or a partition may have nothing left to send. */
  changed(): void {
    this.#changes++
  }

  /** Ends the timer. */
  stop(): void {
    this.#quiet.clear()
  }

  /** Returns what keeps a partition of the topic from sending. */
  of({ error, count }: Topic, { topic, index, leader, sequences, oldest, transaction }: Partition): Error | undefined {
    if (leader === -1) return error ?? (index < count ? leaderless(topic, index) : unlisted(topic, index, count))
    if (oldest !== undefined && oldest.transaction !== transaction) {
      return new KafkaError(
        'the transaction of these records has not begun to send: the one before it has not ended, or the coordinator has not answered',
      )
    }
    if (sequences.identity === undefined) return new KafkaError('no broker has given a producer id yet')
    // The topic's error is about another partition, or about an attempt to find a new leader.
    return (
      this.#unreachable.get(leader) ??
      this.#pauses.get(leader)?.error ??
      oldest?.failure ??
      this.#silent.get(leader) ??
      error
    )
  }

  #fellSilent(nodeId: number): void {
    if (!this.#hasWork(nodeId)) return
    this.#changes++
    this.#silent.set(nodeId, new KafkaError(`broker ${nodeId} has not answered for more than ${QUIET_MS} ms`))
  }

  #hasWork(nodeId: number): boolean {
    return (this.#inFlight.get(nodeId) ?? 0) > 0 || this.#hasReady(nodeId)
  }
}

function leaderless(topic: string, index: number): KafkaError {
  return new KafkaError(`partition ${topic}-${index} has no leader`)
}

function unlisted(topic: string, index: number, count: number): KafkaError {
  return new KafkaError(
    `metadata no longer lists partition ${topic}-${index}, and has ${count} partitions: the topic may have been deleted and recreated`,
  )
}

/** Returns what holds buffer memory, and how much; most first. */
export function waitingOn(
  topics: Iterable<Topic>,
  obstacleTo: (topic: Topic, partition: Partition) => Error | undefined,
): WaitingOn[] {
  const all: WaitingOn[] = []
  for (const topic of topics) {
    const { name, awaitingBytes, error, partitions } = topic
    if (awaitingBytes > 0) all.push({ topic: name, partition: -1, bytes: awaitingBytes, error })
    for (const one of partitions) {
      if (one.bufferedBytes > 0)
        all.push({ topic: name, partition: one.index, bytes: one.bufferedBytes, error: obstacleTo(topic, one) })
    }
  }
  return all.sort((a, b) => b.bytes - a.bytes)
}
