import type { SchedulerLike } from 'rxjs'
import { KafkaError } from '../errors.js'
import { Deadlines } from './deadlines.js'
import type { Held } from './events.js'
import type { Partition } from './partition.js'
import type { Topic } from './topic.js'

/** A broker that has work, and answers nothing for so long, in ms, hangs. */
const QUIET_MS = 1_000

/**
 * What keeps partitions from sending: for the choice of a partition for records without key, and for the errors and events
 * about records that wait.
 */
export class Obstacles {
  readonly #scheduler: SchedulerLike
  readonly #standsInLine: (nodeId: number) => boolean
  #changes = 0
  /** Nodes whose connection could not be made, or broke, with the reason. */
  readonly #unreachable = new Map<number, Error>()
  /** By node: how many pauses it asked for that are not over, and what is told of the last one. */
  readonly #pauses = new Map<number, { readonly count: number; readonly error: Error }>()
  /** Nodes that have answered nothing since their connection broke, or for {@link QUIET_MS}, with what is told of them. */
  readonly #silent = new Map<number, Error>()
  /** Unanswered produce requests, by node. */
  readonly #inFlight = new Map<number, number>()
  /** Nodes that have had work since, or have answered since and have more. */
  readonly #quiet: Deadlines<number>

  /** @param standsInLine whether there is something that a node could be sent now. */
  constructor(scheduler: SchedulerLike, standsInLine: (nodeId: number) => boolean) {
    this.#scheduler = scheduler
    this.#standsInLine = standsInLine
    this.#quiet = new Deadlines(scheduler, QUIET_MS, nodeId => this.#fellSilent(nodeId))
  }

  /** Another number whenever a partition may have stopped moving: what {@link moves} said before may be out of date. */
  get changes(): number {
    return this.#changes
  }

  /**
   * Whether what is appended to the partition has a prospect of being sent soon. A partition, or broker, with nothing to send
   * moves, whatever it did before: only what it is given can show that.
   */
  moves(partition: Partition): boolean {
    const { leader, stalled } = partition
    if (stalled || this.#pauses.has(leader)) return false
    return !this.#silent.has(leader) || !this.#hasWork(leader)
  }

  /** Something has come into the node's line. */
  waiting(nodeId: number): void {
    if (!this.#quiet.has(nodeId)) this.#quiet.add(nodeId, this.#scheduler.now())
  }

  /** A produce request has left for the node. */
  sent(nodeId: number): void {
    this.#inFlight.set(nodeId, (this.#inFlight.get(nodeId) ?? 0) + 1)
  }

  /** A produce request to the node has come to something, and its partitions know. */
  answered(nodeId: number, lost: boolean): void {
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

  /** The node is in the cluster no more. */
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

  /** Metadata has named leaders, or what a partition had to send is gone. */
  changed(): void {
    this.#changes++
  }

  /** Ends the timer. */
  stop(): void {
    this.#quiet.clear()
  }

  /** What keeps a partition of the topic from sending. */
  of({ error, count }: Topic, { topic, index, leader, sequencer, oldest }: Partition): Error | undefined {
    if (leader === -1) return error ?? (index < count ? leaderless(topic, index) : unlisted(topic, index, count))
    if (sequencer.identity === undefined) return new KafkaError('no broker has given a producer id yet')
    // The topic's is of another partition, or of an attempt to learn of a new leader.
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
    return (this.#inFlight.get(nodeId) ?? 0) > 0 || this.#standsInLine(nodeId)
  }
}

function leaderless(topic: string, index: number): KafkaError {
  return new KafkaError(`nobody leads partition ${topic}-${index}`)
}

function unlisted(topic: string, index: number, count: number): KafkaError {
  return new KafkaError(
    `metadata no longer has partition ${topic}-${index}, and says that there are ${count}: the topic may have been deleted and made anew`,
  )
}

/** What holds something of the buffer, and how much; most first. */
export function heldBy(
  topics: Iterable<Topic>,
  obstacleTo: (topic: Topic, partition: Partition) => Error | undefined,
): Held[] {
  const all: Held[] = []
  for (const topic of topics) {
    const { name, held, error, partitions } = topic
    if (held > 0) all.push({ topic: name, partition: -1, bytes: held, error })
    for (const one of partitions) {
      if (one.held > 0) all.push({ topic: name, partition: one.index, bytes: one.held, error: obstacleTo(topic, one) })
    }
  }
  return all.sort((a, b) => b.bytes - a.bytes)
}
