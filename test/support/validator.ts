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
 * nothing, where each acked record is readable exactly once, at its offset, in the order in which it was sent. A record
 * that failed and may be stored is readable once, in order, or not at all; any other that was not acked, not at all.
 *
 * @param acks of records whose metadata is their number in the input.
 * @param ordered which records are to be in order: those of a partition, or of a key in it.
 */
export function findings(
  inputCount: number,
  acks: readonly Ack<number>[],
  read: readonly ReadRecord[],
  ordered: 'by partition' | 'by key' = 'by partition',
): string[] {
  const found: string[] = []
  const byPlace = new Map(read.map(record => [`${record.partition}@${record.offset}`, record]))
  if (byPlace.size < read.length) found.push('the reader gave an offset twice')
  const answered = new Set<number>()
  const stored: { place: string; partition: number; offset: number; number: number }[] = []
  for (const ack of acks) {
    const number = ack.record.metadata!
    if (answered.has(number)) found.push(`record ${number} has two answers`)
    answered.add(number)
    if (ack.kind !== 'acked') continue
    const [partition, offset] = [ack.partition, Number(ack.offset)]
    const place = `${partition}@${offset}`
    stored.push({ place, partition, offset, number })
    const record = byPlace.get(place)
    if (record === undefined) found.push(`record ${number} is missing: nothing at ${place}`)
    else if (!same(record.value, ack.record.value) || !same(record.key, ack.record.key ?? null)) {
      found.push(`record ${number} is missing: another one is at ${place}`)
    }
  }
  if (answered.size < inputCount) found.push(`${inputCount - answered.size} records have no answer`)

  const places = new Set(stored.map(({ place }) => place))
  const notAcked = [...byPlace].filter(([place]) => !places.has(place))
  const failed = failedByContent(notAcked.length === 0 ? [] : acks)
  for (const [place, { partition, offset, key, value }] of notAcked.sort(([, a], [, b]) => a.offset - b.offset)) {
    const same = failed.get(content(key, value)) ?? { no: [], maybe: [] }
    const number = same.maybe.shift()
    if (number !== undefined) stored.push({ place, partition, offset, number })
    else if (same.no.length > 0) found.push(`record ${same.no.shift()} is at ${place}, and was said not to be stored`)
    else found.push(`the record at ${place} was not acked: a duplicate?`)
  }

  const last = new Map<string, number>()
  for (const { partition, offset, number } of stored.sort((a, b) => a.offset - b.offset)) {
    const line =
      ordered === 'by key' ? `${partition} ${String(byPlace.get(`${partition}@${offset}`)?.key)}` : `${partition}`
    const before = last.get(line) ?? -1
    if (number < before)
      found.push(`out of order: record ${number} at ${partition}@${offset} is behind record ${before}`)
    last.set(line, number)
  }
  return found
}

/** Numbers of records that were not acked, by what they hold: those that may be stored and those that are not. */
function failedByContent(acks: readonly Ack<number>[]): Map<string, { no: number[]; maybe: number[] }> {
  const failed = new Map<string, { no: number[]; maybe: number[] }>()
  for (const ack of acks) {
    if (ack.kind === 'acked') continue
    const at = contentOf(ack)
    if (!failed.has(at)) failed.set(at, { no: [], maybe: [] })
    failed.get(at)![ack.persisted].push(ack.record.metadata!)
  }
  // A second copy of a record that was acked is a duplicate, also where a record that failed is the same as it.
  for (const ack of acks) if (ack.kind === 'acked') failed.delete(contentOf(ack))
  return failed
}

function contentOf({ record: { key, value } }: Ack): string {
  return content(bytes(key ?? null), bytes(value))
}

function content(key: Buffer | null, value: Buffer | null): string {
  return `${key?.toString('base64')}:${value?.toString('base64')}`
}

function bytes(sent: string | Uint8Array | null): Buffer | null {
  return sent === null ? null : Buffer.from(sent as string)
}

function same(stored: Buffer | null, sent: string | Uint8Array | null): boolean {
  if (stored === null || sent === null) return stored === sent
  return stored.equals(Buffer.from(sent as string))
}
