/** What became of a batch. */
export type Outcome =
  | {
      readonly kind: 'acked'
      readonly baseOffset: bigint
      readonly logAppendTime: number
      readonly logStartOffset?: bigint
    }
  | { readonly kind: 'failed'; readonly error: Error; readonly persisted: 'no' | 'maybe' }

/** What one request said about one batch. */
export type ProduceResult =
  | {
      readonly kind: 'stored'
      readonly baseOffset: bigint
      readonly logAppendTime: number
      readonly logStartOffset?: bigint
    }
  /** This request stored nothing; another may succeed. */
  | { readonly kind: 'rejected'; readonly error: Error }
  /** No response, or one that leaves open whether the batch is stored. */
  | { readonly kind: 'unknown'; readonly error: Error }
  /** The batch's sequence does not follow what the broker knows of this producer; nothing was stored. */
  | { readonly kind: 'outOfSequence'; readonly error: Error }
  /** The broker does not know this producer and accepts only sequence 0 from it; nothing was stored. */
  | { readonly kind: 'forgotten'; readonly error: Error }
  /** Somebody wrote with this producer id and a newer epoch; nothing was stored. */
  | { readonly kind: 'fenced'; readonly error: Error }
  /** The batch exceeds the topic's size limit; nothing was stored. */
  | { readonly kind: 'tooLarge'; readonly error: Error }
  /** This request stored nothing, and no other will. */
  | { readonly kind: 'refused'; readonly error: Error }
  /** The broker refuses some records, so nothing was stored; the others can be stored without them. */
  | { readonly kind: 'badRecords'; readonly error: Error; readonly named: readonly NamedRecord[] }
  /** The batch was damaged on its way, or holds a record that an old broker refuses; nothing was stored. */
  | { readonly kind: 'corrupt'; readonly error: Error; readonly named: readonly NamedRecord[] }

/** Every result but `stored`. */
export type ProduceFailure = Exclude<ProduceResult, { kind: 'stored' }>

/** A record that a broker refuses by name (KIP-467), with the broker's reason. */
export interface NamedRecord {
  /** The record's place in the batch. */
  readonly index: number
  /** Records that are refused with the same message share one error. */
  readonly error: Error
}
