import type { AbortedTransaction } from '../../protocol/messages/fetch.js'
import type { RecordBatch } from '../../protocol/records/record-batch.js'
import { commits, isControl, isTransactional } from './control-batch.js'

interface Aborted extends AbortedTransaction {
  /** Of the marker. */
  readonly lastOffset: bigint
}

/**
 * What a partition's leader knows of transactions in its log: which are open, and so how far it is stable, and which were aborted
 * (ProducerStateManager.ongoingTxns and the transaction index). All of it follows from the log's batches.
 */
export class OpenTransactions {
  /** The offset of the first record, by producer id. */
  readonly #open = new Map<bigint, bigint>()
  #aborted: Aborted[] = []

  isOpen(producerId: bigint): boolean {
    return this.#open.has(producerId)
  }

  /** The offset of the first record whose transaction has not ended. */
  get firstOffset(): bigint | undefined {
    let first: bigint | undefined
    for (const offset of this.#open.values()) if (first === undefined || offset < first) first = offset
    return first
  }

  /** The batch, of a producer or a marker, was appended. */
  appended(batch: RecordBatch, offset: bigint): void {
    const { producerId } = batch
    if (producerId < 0n || !isTransactional(batch)) return
    const firstOffset = this.#open.get(producerId)
    if (!isControl(batch)) {
      if (firstOffset === undefined) this.#open.set(producerId, offset)
      return
    }
    if (firstOffset === undefined) return
    this.#open.delete(producerId)
    if (!commits(batch)) this.#aborted.push({ producerId, firstOffset, lastOffset: offset })
  }

  /** The aborted transactions with records from `from` on and below `to`. */
  aborted(from: bigint, to: bigint): AbortedTransaction[] {
    return this.#aborted
      .filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < to)
      .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  /** Whether an aborted transaction holds the record. */
  isAborted(producerId: bigint, offset: bigint): boolean {
    return this.#aborted.some(
      one => one.producerId === producerId && offset >= one.firstOffset && offset <= one.lastOffset,
    )
  }

  /** The log lost its end: what is known follows from the rest. */
  truncated(left: readonly RecordBatch[]): void {
    this.#open.clear()
    this.#aborted = []
    for (const batch of left) this.appended(batch, batch.baseOffset)
  }
}
