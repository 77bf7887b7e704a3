import { Subject } from 'rxjs'
import type { Partition, PartitionBatch } from '../model/partition.js'
import type { Packing } from './packing.js'

/**
 * The partitions that are ready to send, by node, longest waiting first. A partition is in one list at most, and joins it only while
 * it can send. Java's producer calls this `RecordAccumulator.ready` and `drain`.
 */
export class ReadyPartitions {
  /** Emits the node id when a partition becomes ready. */
  readonly ready$: Subject<number> = new Subject<number>()
  readonly #byNode = new Map<number, Partition[]>()

  /** Adds the partition to its leader's list if it can send. Call it after anything that may have made it so. */
  offer(partition: Partition): void {
    const { leader } = partition
    if (partition.readyAt === leader || !partition.sendable) return
    // A leader that is gone drains nothing: the partition would stay in its list for ever.
    this.remove(partition)
    partition.readyAt = leader
    const ready = this.#byNode.get(leader)
    if (ready === undefined) this.#byNode.set(leader, [partition])
    else ready.push(partition)
    this.ready$.next(leader)
  }

  /** Removes the partition from its list, if it is in one. */
  remove(partition: Partition): void {
    if (partition.readyAt === undefined) return
    const ready = this.#byNode.get(partition.readyAt)!
    ready.splice(ready.indexOf(partition), 1)
    partition.readyAt = undefined
  }

  /** Whether a partition in the node's list can send. */
  has(nodeId: number): boolean {
    return (this.#byNode.get(nodeId) ?? []).some(partition => partition.sendable && partition.leader === nodeId)
  }

  /** As {@link has}, and removes the partitions that can't send now, so that they are announced when they can. */
  prune(nodeId: number): boolean {
    const ready = this.#byNode.get(nodeId) ?? []
    for (let turns = ready.length; turns > 0; turns--) {
      const partition = ready.shift()!
      if (partition.sendable && partition.leader === nodeId) {
        ready.push(partition)
      } else {
        partition.readyAt = undefined
        this.offer(partition)
      }
    }
    // Nothing is kept for a node that has left.
    if (ready.length === 0) this.#byNode.delete(nodeId)
    return ready.length > 0
  }

  /**
   * Moves batches into flight for the next request to a node: one a partition, of at most `maxBytes` together, or a single larger one.
   * A partition whose batch has to be compressed off the event loop is offered again when that has ended.
   */
  drain(nodeId: number, maxBytes: number, packing: Pick<Packing, 'pack'>): PartitionBatch[] {
    const ready = this.#byNode.get(nodeId) ?? []
    const parts: PartitionBatch[] = []
    let bytes = 0
    for (let turns = ready.length; turns > 0; turns--) {
      const partition = ready[0]!
      if (partition.sendable && partition.leader === nodeId && packing.pack(partition.next)) {
        const { size } = partition.next
        if (parts.length > 0 && bytes + size > maxBytes) break
        bytes += size
        parts.push({ partition, batch: partition.sent() })
      }
      ready.shift()
      partition.readyAt = undefined
      // To the end of this list if it has more, or into another one if its leader has changed.
      this.offer(partition)
    }
    return parts
  }
}
