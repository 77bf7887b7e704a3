import { createHash } from 'node:crypto'
import type { Ack, RecordData } from '../../src/index.js'

/** What the producer said of every line: enough to check the log against, in twenty bytes a line. */
export class Ledger {
  acked = 0
  failed = 0
  firstFailure: Error | undefined
  readonly partitions: Map<number, PartitionLedger> = new Map()

  /** Lines that have their terminal event. */
  get settled(): number {
    return this.acked + this.failed
  }

  add(ack: Ack<number>): void {
    if (ack.kind !== 'acked') {
      this.failed++
      this.firstFailure ??= ack.error
      return
    }
    this.acked++
    let partition = this.partitions.get(ack.partition)
    if (partition === undefined) {
      partition = new PartitionLedger()
      this.partitions.set(ack.partition, partition)
    }
    partition.add(ack.record.metadata!, ack.offset, fingerprint(ack.record.key, ack.record.value))
  }
}

/** What was acked in one partition, in the order of the acks. */
export class PartitionLedger {
  length = 0
  lines: Uint32Array = new Uint32Array(1024)
  offsets: BigInt64Array = new BigInt64Array(1024)
  fingerprints: Float64Array = new Float64Array(1024)

  add(line: number, offset: bigint, print: number): void {
    if (this.length === this.lines.length) this.#grow()
    this.lines[this.length] = line
    this.offsets[this.length] = offset
    this.fingerprints[this.length++] = print
  }

  #grow(): void {
    const { lines, offsets, fingerprints } = this
    this.lines = new Uint32Array(2 * this.length)
    this.offsets = new BigInt64Array(2 * this.length)
    this.fingerprints = new Float64Array(2 * this.length)
    this.lines.set(lines)
    this.offsets.set(offsets)
    this.fingerprints.set(fingerprints)
  }
}

/**
 * 48 bits that stand for a key and a value: records of others in the same topic may be millions, and 32 bits would
 * mistake some of them for ours.
 */
export function fingerprint(key: RecordData | undefined, value: RecordData): number {
  const keyLength = key == null ? -1 : Buffer.byteLength(key)
  const digest = createHash('sha1')
    .update(`${keyLength} `)
    .update(key ?? '')
    .update(value ?? '')
    .digest()
  return digest.readUIntBE(0, 6)
}
