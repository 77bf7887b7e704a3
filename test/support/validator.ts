import type { Ack } from '../../src/index.js'

/** A record that some reader found in a log. */
export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/**
 * Holds what was sent, what was acked and what a reader found against each other, and says everything that is wrong:
 * nothing, where each acked record is readable exactly once, at its offset, in the order in which it was sent.
 *
 * @param acks of records whose metadata is their number in the input.
 */
export function findings(inputCount: number, acks: readonly Ack<number>[], read: readonly ReadRecord[]): string[] {
  const found: string[] = []
  const byPlace = new Map(read.map(record => [`${record.partition}@${record.offset}`, record]))
  if (byPlace.size < read.length) found.push('the reader gave an offset twice')
  const answered = new Set<number>()
  const acked: { place: string; partition: number; offset: number; number: number }[] = []
  for (const ack of acks) {
    const number = ack.record.metadata!
    if (answered.has(number)) found.push(`record ${number} has two answers`)
    answered.add(number)
    if (ack.kind !== 'acked') continue
    const [partition, offset] = [ack.partition, Number(ack.offset)]
    const place = `${partition}@${offset}`
    acked.push({ place, partition, offset, number })
    const stored = byPlace.get(place)
    if (stored === undefined) found.push(`record ${number} is missing: nothing at ${place}`)
    else if (!same(stored.value, ack.record.value) || !same(stored.key, ack.record.key ?? null)) {
      found.push(`record ${number} is missing: another one is at ${place}`)
    }
  }
  if (answered.size < inputCount) found.push(`${inputCount - answered.size} records have no answer`)

  const places = new Set(acked.map(({ place }) => place))
  for (const place of byPlace.keys())
    if (!places.has(place)) found.push(`the record at ${place} was not acked: a duplicate?`)

  const last = new Map<number, number>()
  for (const { partition, offset, number } of acked.sort((a, b) => a.offset - b.offset)) {
    const before = last.get(partition) ?? -1
    if (number < before)
      found.push(`out of order: record ${number} at ${partition}@${offset} is behind record ${before}`)
    last.set(partition, number)
  }
  return found
}

function same(stored: Buffer | null, sent: string | Uint8Array | null): boolean {
  if (stored === null || sent === null) return stored === sent
  return stored.equals(Buffer.from(sent as string))
}
