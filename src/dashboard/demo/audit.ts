import type { Ack, ProducerRecord } from '../../index.js'
import type { TestCluster } from '../../testing/index.js'
import { partitions, TOPIC } from './steps.js'

/** Records that a partition keeps, so that a demonstration may run for days. */
const KEPT = 1_000

/** Makes the demonstration's records, numbered along each partition, and finds out whether each is stored once and in order. */
export class Audit {
  /** The next number to send, to be acked, and to be found in the log. */
  readonly #sent = partitions().map(() => 0)
  readonly #acked = partitions().map(() => 0)
  readonly #stored = partitions().map(() => 0)
  #wrong = ''

  next(partition: number): ProducerRecord<number> {
    const number = this.#sent[partition]!++
    return { topic: TOPIC, partition, value: `order ${number} `.padEnd(80, '.'), metadata: number }
  }

  acked(ack: Ack<number>): void {
    const partition = ack.record.partition!
    const expected = this.#acked[partition]!++
    if (ack.kind === 'failed')
      this.#wrong ||= `record ${expected} of ${TOPIC}-${partition} failed: ${ack.error.message}`
    else if (ack.record.metadata !== expected)
      this.#wrong ||= `${TOPIC}-${partition}: the ack of record ${ack.record.metadata} came where ${expected} was next`
  }

  /** Reads what was written since the last time. */
  check(cluster: TestCluster): string {
    for (const partition of partitions()) this.#read(cluster, partition)
    if (this.#wrong !== '') return this.#wrong
    const stored = this.#stored.reduce((sum, count) => sum + count)
    return `${stored.toLocaleString('en')} records are in the brokers' logs, each once and in order; acks came in the same order.`
  }

  #read(cluster: TestCluster, partition: number): void {
    for (const { offset, value } of cluster.records(TOPIC, partition)) {
      const expected = this.#stored[partition]!
      if (offset < expected) continue
      this.#stored[partition] = expected + 1
      if (Number.parseInt(String(value).slice('order '.length), 10) !== expected)
        this.#wrong ||= `${TOPIC}-${partition} has '${value}' where record ${expected} was next`
    }
    const before = this.#stored[partition]! - KEPT
    if (before > 0) cluster.deleteRecords(TOPIC, partition, BigInt(before))
  }
}
