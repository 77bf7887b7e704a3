import { type Batch, NO_SEQUENCE } from '../model/batch.js'
import type { NamedRecord } from '../model/outcome.js'
import { nextSequence } from '../model/sequences.js'

/*
 * What stands in for a batch that can't be stored as it is: one that is too large, or has records that its topic refuses
 * (KIP-467).
 *
 * A broker that names the bad records is taken at its word. One that names none (Kafka before 2.4) is asked: the batch is
 * sent by halves until the bad records stand alone. If the first half is stored, the second one has a bad record, and is
 * split again without being sent. So a bad record among n costs at most 2·log2(n) more requests, for
 *
 *   requests(n) = max(2 + requests(floor(n / 2)), 1 + requests(ceil(n / 2))), requests(2) = 2
 *
 * where the first is a first half that is refused and a second one that is stored, the other a first half that is stored.
 */

/** Halves, with the sequences that the whole had: those behind it keep theirs. */
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

/** Halves of a batch of which a broker refuses some record, and has not said which. */
export function suspects(batch: Batch): [Batch, Batch] {
  const [first, second] = halves(batch)
  first.suspect = true
  second.suspect = true
  first.counterpart = second
  return [first, second]
}

/** A batch without the records that a broker has named. */
export interface Sifted {
  /** Those records, in batches that have one error each. */
  readonly refused: readonly { readonly batch: Batch; readonly error: Error }[]
  /** The others; without sequences, for those of the whole would leave a gap. */
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
