import type { Ack } from '../../src/index.js'
import { crc32c } from '../../src/protocol/crc32c.js'

/** What was acked in one partition, in the order of the acks. */
export interface PartitionLedger {
  readonly lines: number[]
  readonly offsets: bigint[]
  readonly checksums: number[]
}

/** What the producer said of every line: enough to check the log against, and no more than a few numbers a line. */
export class Ledger {
  acked = 0
  failed = 0
  /** Bytes of the lines that have an answer. */
  bytes = 0
  firstFailure: string | undefined
  readonly partitions: Map<number, PartitionLedger> = new Map()

  add(ack: Ack<number>): void {
    const value = String(ack.record.value)
    this.bytes += Buffer.byteLength(value) + 1
    if (ack.kind !== 'acked') {
      this.failed++
      this.firstFailure ??= ack.kind === 'failed' ? ack.error.message : ack.cause.message
      return
    }
    this.acked++
    let partition = this.partitions.get(ack.partition)
    if (partition === undefined) {
      partition = { lines: [], offsets: [], checksums: [] }
      this.partitions.set(ack.partition, partition)
    }
    partition.lines.push(ack.record.metadata!)
    partition.offsets.push(ack.offset)
    partition.checksums.push(crc32c(Buffer.from(value)))
  }
}
