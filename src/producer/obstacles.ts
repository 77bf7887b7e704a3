import { KafkaError } from '../errors.js'
import type { Batch } from './batch.js'
import type { Held } from './events.js'
import type { Partition } from './partition.js'
import type { Topic } from './topic.js'

/** What is known to keep partitions from sending, for the errors and events about records that wait. */
export class Obstacles {
  /** Nodes whose connection could not be made, or broke, with the reason. */
  readonly #unreachable = new Map<number, Error>()

  /** By node: how many pauses it asked for that are not over, and what is told of the last one. */
  readonly #pauses = new Map<number, { readonly count: number; readonly error: Error }>()

  connected(nodeId: number): void {
    this.#unreachable.delete(nodeId)
  }

  disconnected(nodeId: number, error: Error): void {
    this.#unreachable.set(nodeId, error)
  }

  /** The node is in the cluster no more. */
  left(nodeId: number): void {
    this.#unreachable.delete(nodeId)
  }

  pauseBegan(nodeId: number, throttleTimeMs: number): void {
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

  /** What keeps a partition of the topic from sending. */
  of({ error }: Topic, { topic, index, leader, sequencer }: Partition): Error | undefined {
    if (leader === -1) return error ?? new KafkaError(`nobody leads partition ${topic}-${index}`)
    if (sequencer.identity === undefined) return new KafkaError('no broker has given a producer id yet')
    // Of another partition, or of an attempt to learn of a new leader.
    return this.#unreachable.get(leader) ?? this.#pauses.get(leader)?.error ?? error
  }
}

/** What holds something of the buffer, and how much; most first. */
export function heldBy(
  topics: Iterable<Topic>,
  batches: Iterable<Batch>,
  partitionOf: (batch: Batch) => Partition,
  obstacleTo: (partition: Partition) => Error | undefined,
): Held[] {
  const held = new Map<Partition, number>()
  for (const batch of batches) {
    const partition = partitionOf(batch)
    held.set(partition, (held.get(partition) ?? 0) + batch.reserved)
  }
  const all = [...held].map(([partition, bytes]): Held => {
    return { topic: partition.topic, partition: partition.index, bytes, error: obstacleTo(partition) }
  })
  for (const { name, unplaced, error } of topics) {
    const bytes = [...unplaced].reduce((sum, one) => sum + one.bytes, 0)
    if (bytes > 0) all.push({ topic: name, partition: -1, bytes, error })
  }
  return all.sort((a, b) => b.bytes - a.bytes)
}
