import type { Compression } from '../../protocol/records/compression.js'
import type { Batch } from '../model/batch.js'
import type { Partition } from '../model/partition.js'

/** A batch that a request carries, and the partition that it belongs to. */
export interface PartitionBatch {
  readonly partition: Partition
  readonly batch: Batch
}

export interface LinesOptions {
  readonly compression: Compression
}

/**
 * By node, the partitions that have something to send to it, longest waiting first. A partition stands in one line at most,
 * and only while it can send: one that stands there already is not announced again.
 */
export class ReadyPartitions {
  readonly #options: LinesOptions
  readonly #ready: (nodeId: number) => void
  readonly #lines = new Map<number, Partition[]>()

  /** @param ready told of the node when a partition has come into its line. */
  constructor(options: LinesOptions, ready: (nodeId: number) => void) {
    this.#options = options
    this.#ready = ready
  }

  /** Puts the partition in its leader's line if it can send: to be called after whatever could have made it so. */
  offer(partition: Partition): void {
    const { leader } = partition
    if (partition.readyAt === leader || !partition.sendable) return
    // A leader that is gone draws no more: what stands in its line would stand there for ever.
    this.remove(partition)
    partition.readyAt = leader
    const line = this.#lines.get(leader)
    if (line === undefined) this.#lines.set(leader, [partition])
    else line.push(partition)
    this.#ready(leader)
  }

  /** Whether a partition in the node's line can send. */
  isWaiting(nodeId: number): boolean {
    return (this.#lines.get(nodeId) ?? []).some(partition => partition.sendable && partition.leader === nodeId)
  }

  /** Removes the partition from its line, if it stands in one. */
  remove(partition: Partition): void {
    if (partition.readyAt === undefined) return
    const line = this.#lines.get(partition.readyAt)!
    line.splice(line.indexOf(partition), 1)
    partition.readyAt = undefined
  }

  /** Whether there is something to send to a node. What can't be sent now leaves the line, to be announced when it can. */
  hasWork(nodeId: number): boolean {
    const line = this.#lines.get(nodeId) ?? []
    for (let turns = line.length; turns > 0; turns--) {
      const partition = line.shift()!
      if (partition.sendable && partition.leader === nodeId) {
        line.push(partition)
      } else {
        partition.readyAt = undefined
        this.offer(partition)
      }
    }
    // Nothing is kept for a node that has left.
    if (line.length === 0) this.#lines.delete(nodeId)
    return line.length > 0
  }

  /** Takes the batches of the next request to a node: one per partition, of at most `maxBytes` together, or a single larger one. */
  drain(nodeId: number, maxBytes: number): PartitionBatch[] {
    const { compression } = this.#options
    const line = this.#lines.get(nodeId) ?? []
    const parts: PartitionBatch[] = []
    let bytes = 0
    for (let turns = line.length; turns > 0; turns--) {
      const partition = line[0]!
      if (partition.sendable && partition.leader === nodeId) {
        const { size } = partition.next
        if (parts.length > 0 && bytes + size > maxBytes) break
        bytes += size
        parts.push({ partition, batch: partition.sent(compression) })
      }
      line.shift()
      partition.readyAt = undefined
      // Back to the end of this line if it has more, or into another one if its leader has changed.
      this.offer(partition)
    }
    return parts
  }
}
