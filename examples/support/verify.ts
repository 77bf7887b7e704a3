import { crc32c } from '../../src/protocol/crc32c.js'
import type { PartitionLedger } from './ledger.js'
import { readBack } from './read-back.js'

/** What the log of one partition turned out to hold. */
export interface PartitionReport {
  readonly partition: number
  readonly records: number
  readonly first: bigint
  readonly last: bigint
  /** Offsets rise with the lines of the input. */
  readonly inOrder: boolean
  /** Acked, and not there at the acked offset with the same value. */
  readonly missing: number
  /** There once more than they were sent. */
  readonly duplicates: number
}

/** Compares what was acked in a partition with what a reader finds there. Records of others in between do not count. */
export async function verify(
  brokers: readonly string[],
  topic: string,
  partition: number,
  { lines, offsets, checksums }: PartitionLedger,
): Promise<PartitionReport> {
  const expected = new Map<bigint, number>()
  /** By checksum: how often it was sent, less how often it was read. */
  const balance = new Map<number, number>()
  offsets.forEach((offset, i) => {
    expected.set(offset, checksums[i]!)
    balance.set(checksums[i]!, (balance.get(checksums[i]!) ?? 0) + 1)
  })
  const rising = [...offsets].sort((a, b) => Number(a - b))
  const [first, last] = [rising[0]!, rising.at(-1)!]
  let found = 0
  for await (const { offset, value } of readBack(brokers, topic, partition, first, last)) {
    const checksum = crc32c(value ?? Buffer.alloc(0))
    if (expected.get(offset) === checksum) found++
    const left = balance.get(checksum)
    if (left !== undefined) balance.set(checksum, left - 1)
  }
  const sorted = (list: readonly (number | bigint)[]): boolean =>
    list.every((item, i) => i === 0 || item > list[i - 1]!)
  return {
    partition,
    records: lines.length,
    first,
    last,
    inOrder: sorted(lines) && sorted(offsets),
    missing: lines.length - found,
    duplicates: [...balance.values()].reduce((sum, left) => sum + Math.max(0, -left), 0),
  }
}
