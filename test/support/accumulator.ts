import type { TopicMetadata } from '../../src/cluster/metadata-answer.js'
import { deliver } from '../../src/producer/acks/deliver.js'
import { Accumulator } from '../../src/producer/batching/accumulator.js'
import type { Batch } from '../../src/producer/model/batch.js'
import type { ProduceResult } from '../../src/producer/model/outcome.js'
import type { Partition, PartitionBatch } from '../../src/producer/model/partition.js'
import type { SettledBatch } from '../../src/producer/model/settled-batch.js'
import type { CompressorOf } from '../../src/producer/options/compression.js'
import { type ProducerOptions, resolveOptions } from '../../src/producer/options/options.js'
import type { Decision } from '../../src/producer/sequencing/decision.js'
import { answered, expired } from '../../src/producer/sequencing/recovery.js'
import { stamp } from '../../src/producer/sequencing/stamp.js'
import { TopicChanges } from '../../src/producer/topic-changes.js'
import type { Compressor } from '../../src/protocol/compression/compressor.js'
import type { ProducerIdAndEpoch } from '../../src/protocol/records/record-batch-builder.js'

/** A class without what is private to it. */
type Public<T> = Pick<T, keyof T>

/** The option's default. */
export const MAX_REQUEST_SIZE = 1_000_000

/** An accumulator that carries out decisions about its batches, without brokers: its user drains requests, and answers them. */
export class LoneAccumulator extends Accumulator {
  readonly #changes: TopicChanges

  /** @param compressorOf instead of the codecs of the option `compression`. */
  constructor(options: Omit<ProducerOptions, 'brokers'>, compressorOf?: () => Public<Compressor>) {
    const given = resolveOptions({ brokers: ['stub'], ...options })
    const resolved = { ...given, ...(compressorOf && { compression: compressorOf as unknown as CompressorOf }) }
    super(resolved)
    this.#changes = new TopicChanges(this, { bumped() {} }, resolved.retries)
    this.batches.expired$.subscribe(batch => {
      const partition = this.partitionOf(batch)
      const obstacle = this.obstacles.of(this.topics.get(batch.topic)!, partition)
      this.#carryOut(expired(partition, batch, obstacle))
      this.obstacles.changed()
    })
  }

  identify(identity: ProducerIdAndEpoch): void {
    this.#changes.identify(identity)
  }

  update(metadata: TopicMetadata): void {
    this.#settle(this.#changes.update(metadata))
  }

  override drain(nodeId: number, maxBytes: number): PartitionBatch[] {
    const parts = super.drain(nodeId, maxBytes)
    stamp({ parts })
    return parts
  }

  answered(partition: Partition, batch: Batch, result: ProduceResult): void {
    this.#carryOut(answered(partition, batch, result))
  }

  offer(partition: Partition): void {
    if (partition.retired) this.#settle(this.#changes.succeed(this.topics.get(partition.topic)!))
    else this.ready.offer(partition)
  }

  #carryOut({ split, settled }: Decision): void {
    for (const { batch, parts } of split) this.split(batch, parts)
    this.#settle(settled)
  }

  #settle(all: Iterable<SettledBatch>): void {
    for (const settled of all) {
      this.deallocate(settled)
      deliver(settled)
      this.completed(settled.batch)
    }
  }
}

export function loneAccumulator(options: Omit<ProducerOptions, 'brokers'> = {}): LoneAccumulator {
  return new LoneAccumulator(options)
}
