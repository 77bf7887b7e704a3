import { catchError, defer, map, type Observable, of, Subject } from 'rxjs'
import type { Compressor } from '../../protocol/compression/compressor.js'
import type { Batch } from '../model/batch.js'
import type { Topics } from './topics.js'

/**
 * Completes the bytes of batches, compressed by their topic's codec. Slow compression runs in libuv's thread pool, before the batch is
 * drained: it begins when a batch is full, or else when a request could carry the batch. So a batch that is being compressed still
 * waits: it expires unsent, the recovery knows nothing of codecs, and a request is filled by the compressed size of its batches.
 */
export class Packing {
  /** Emits each batch that {@link compress} has to compress. */
  readonly offLoop$: Subject<Batch> = new Subject<Batch>()
  readonly #topics: Topics

  constructor(topics: Topics) {
    this.#topics = topics
  }

  /** Makes the batch ready to be sent. Returns false when its compression has to run off the event loop first. */
  pack(batch: Batch): boolean {
    if (batch.isPacked) return true
    const { compressor } = this.#topics.get(batch.topic)!
    if (compressor === undefined) {
      batch.pack()
      return true
    }
    const records = batch.encodedRecords
    if (compressor.isOffLoop(records.length)) {
      this.#start(batch)
      return false
    }
    this.#complete(batch, compressor.id, compressNow(compressor, records))
    return true
  }

  /** The batch is full: starts its compression if that runs off the event loop. */
  closed(batch: Batch): void {
    if (this.#topics.get(batch.topic)!.compressor?.isOffLoop(batch.size)) this.#start(batch)
  }

  /** Compresses the batch off the event loop, and emits it. */
  compress(batch: Batch): Observable<Batch> {
    const { compressor } = this.#topics.get(batch.topic)!
    // Meanwhile it may have expired, or its topic may have been recreated.
    if (compressor === undefined || batch.settled || batch.isPacked) return of(batch)
    return defer(() => compressor.compress(batch.encodedRecords)).pipe(
      // If the codec fails, the batch is sent uncompressed: its records are worth more than their size.
      catchError(() => of(undefined)),
      map(compressed => {
        batch.compressing = false
        if (!batch.isPacked) this.#complete(batch, compressor.id, compressed)
        return batch
      }),
    )
  }

  #start(batch: Batch): void {
    batch.sealed = true
    batch.compressing = true
    this.offLoop$.next(batch)
  }

  /** A batch that does not get smaller is sent uncompressed. */
  #complete(batch: Batch, codec: number, compressed: Uint8Array | undefined): void {
    const size = batch.encodedRecords.length
    const isSmaller = compressed !== undefined && compressed.length < size
    this.#topics.get(batch.topic)!.compressed(size, isSmaller ? compressed.length : size)
    if (isSmaller) batch.pack(codec, compressed)
    else batch.pack()
  }
}

function compressNow(compressor: Compressor, records: Buffer): Uint8Array | undefined {
  try {
    return compressor.compressSync(records)
  } catch {
    return undefined
  }
}
