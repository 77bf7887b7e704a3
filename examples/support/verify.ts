import { fingerprint, type Ledger, type PartitionLedger } from './ledger.js'
import { readBack } from './read-back.js'

/** What the log of one partition turned out to hold. */
export interface PartitionReport {
  readonly partition: number
  /** Acked records. */
  readonly records: number
  /** The offset of the first of them, and of the last. */
  readonly first: bigint
  readonly last: bigint
  /** Along the log, and along the acks, the lines come as in the input. */
  readonly inOrder: boolean
  /** Acked, and at the acked offset there is nothing, or something else. */
  readonly missing: number
  /** There once more than they were acked. */
  readonly duplicates: number
}

/** Reads every partition back and compares it with what was acked. */
export async function verify(brokers: readonly string[], topic: string, ledger: Ledger): Promise<PartitionReport[]> {
  const reports: PartitionReport[] = []
  for (const [partition, acked] of [...ledger.partitions].sort(([a], [b]) => a - b)) {
    reports.push(await verifyPartition(brokers, topic, partition, acked))
  }
  return reports
}

/** Walks along the log and the ledger at once. Records of others in between do not count. */
async function verifyPartition(
  brokers: readonly string[],
  topic: string,
  partition: number,
  { length, lines, offsets, fingerprints }: PartitionLedger,
): Promise<PartitionReport> {
  const byOffset = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => Number(offsets[a]! - offsets[b]!))
  const known = fingerprints.slice(0, length).sort()
  const first = offsets[byOffset[0]!]!
  let next = 0
  let found = 0
  let duplicates = 0
  for await (const { offset, key, value } of readBack(brokers, topic, partition, first)) {
    while (next < length && offsets[byOffset[next]!]! < offset) next++
    const expected = byOffset[next]
    const print = fingerprint(key, value)
    if (expected !== undefined && offsets[expected] === offset && fingerprints[expected] === print) found++
    else if (includes(known, print)) duplicates++
  }
  const rises = (at: (i: number) => number | bigint): boolean => {
    for (let i = 1; i < length; i++) if (at(i) <= at(i - 1)) return false
    return true
  }
  return {
    partition,
    records: length,
    first,
    last: offsets[byOffset[length - 1]!]!,
    inOrder: rises(i => lines[byOffset[i]!]!) && rises(i => offsets[i]!),
    missing: length - found,
    duplicates,
  }
}

/** Binary search. */
function includes(sorted: Float64Array, value: number): boolean {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return sorted[low] === value
}
