import { type Batch, NO_SEQUENCE } from '../model/batch.js'
import type { NamedRecord } from '../model/outcome.js'
import { nextSequence } from '../model/sequences.js'

/*
 * What replaces a batch that can't be stored as it is: it is too large, or has records that its topic refuses (KIP-467).
 *
 * A broker that names the bad records is believed. A broker that names none (Kafka before 2.4) is asked: the batch is sent in halves
 * until each bad record is alone. If the first half is stored, the second half has a bad record, and is split again without being
 * sent. So a bad record among n costs at most 2·log2(n) more requests, because
 *
 *   requests(n) = max(2 + requests(floor(n / 2)), 1 + requests(ceil(n / 2))), requests(2) = 2
 *
 * where the first term is a refused first half and a stored second half, and the other term a stored first half.
 */

/** Returns the halves of a batch, with its sequences: batches behind it keep theirs. */
export function halves(batch: Batch): [Batch, Batch] {
  const indexes = [...batch.records.keys()]
  const middle = batch.count >> 1
  const [first, second] = batch.split([indexes.slice(0, middle), indexes.slice(middle)]) as [Batch, Batch]
  if (batch.baseSequence !== NO_SEQUENCE) {
    first.number(batch.identity!, batch.baseSequence)
    second.number(batch.identity!, nextSequence(batch.baseSequence, first.count))
  }
  return [first, second]
}

/** Returns the halves of a batch with a bad record that the broker did not name. */
export function suspects(batch: Batch): [Batch, Batch] {
  const [first, second] = halves(batch)
  first.suspect = true
  second.suspect = true
  first.counterpart = second
  return [first, second]
}

/** A batch without the records that a broker named. */
export interface Sifted {
  /** Those records, in batches with one error each. */
  readonly refused: readonly { readonly batch: Batch; readonly error: Error }[]
  /** The others, without sequences: those of the whole batch would leave a gap. */
  readonly rest: Batch | undefined
}

export function sift(batch: Batch, named: readonly NamedRecord[]): Sifted {
  const groups = new Map<Error, number[]>()
  const good = new Set(batch.records.keys())
  for (const { index, error } of named) {
    good.delete(index)
    const group = groups.get(error)
    if (group === undefined) groups.set(error, [index])
    else group.push(index)
  }
  const errors = [...groups.keys()]
  if (good.size === 0 && errors.length === 1) return { refused: [{ batch, error: errors[0]! }], rest: undefined }
  const parts = batch.split([...groups.values(), ...(good.size > 0 ? [[...good]] : [])])
  return { refused: errors.map((error, i) => ({ batch: parts[i]!, error })), rest: parts[errors.length] }
}
