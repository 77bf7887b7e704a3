import { lastValueFrom, tap } from 'rxjs'
import type { Ack, Producer } from '../../index.js'
import type { Block } from '../input/block.js'
import type { InputRecord } from '../parse/record.js'

/** What becomes of records and blocks, as it happens. */
export interface SendObserver {
  /** Whether no further record is to be sent, also of a block that was read. */
  ended(): boolean
  /** The producer asks for a record. */
  taken(record: InputRecord): void
  /** A record has its ack; `ack.record` is the {@link InputRecord}. */
  ack(ack: Ack): void
}

/**
 * Sends the records of blocks in order. One stream for each block: its records are pulled as buffer memory permits, and when all are
 * taken the next block begins, while acks of earlier ones arrive.
 *
 * Resolves when every record has its ack. Rejects, after every ack that is owed, when the blocks cannot be read or the producer has ended.
 */
export async function sendBlocks(
  producer: Pick<Producer, 'publish'>,
  blocks: AsyncIterator<Block>,
  recordsOf: (block: Block) => Iterable<InputRecord>,
  observer: SendObserver,
): Promise<void> {
  const open = new Set<Promise<unknown>>()
  const broken = new Broken()
  try {
    while (!observer.ended()) {
      const { done, value } = await broken.or(blocks.next())
      if (done) break
      const records = new Taking(recordsOf(value), observer)
      const acks$ = producer.publish(records).pipe(tap(ack => observer.ack(ack)))
      const stream = lastValueFrom(acks$, { defaultValue: undefined })
      open.add(stream)
      stream.then(
        () => open.delete(stream),
        error => broken.by(error),
      )
      await broken.or(records.allTaken)
    }
  } finally {
    await Promise.allSettled(open)
  }
  await Promise.all(open)
}

/** The first error of any stream: an input that is silent for long is not to hide it. */
class Broken {
  #error: { readonly cause: unknown } | undefined
  #reject = (_: unknown): void => {}

  by(cause: unknown): void {
    this.#error ??= { cause }
    this.#reject(cause)
  }

  /** What a promise resolves to, unless a stream errors before. Unlike Promise.race(), it leaves nothing behind for each call. */
  or<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.#error !== undefined) reject(this.#error.cause)
      promise.then(resolve, reject)
    })
  }
}

/** The records of a block, and when all of them are taken. */
class Taking implements IterableIterator<InputRecord> {
  readonly allTaken: Promise<void>
  readonly #records: Iterator<InputRecord>
  readonly #observer: SendObserver
  #done!: () => void

  constructor(records: Iterable<InputRecord>, observer: SendObserver) {
    this.#records = records[Symbol.iterator]()
    this.#observer = observer
    this.allTaken = new Promise(resolve => {
      this.#done = resolve
    })
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<InputRecord> {
    const observer = this.#observer
    const result = observer.ended() ? END : this.#records.next()
    // The last line of all may be the one that ends it.
    if (result.done || observer.ended()) return this.return()
    observer.taken(result.value)
    return result
  }

  return(): IteratorResult<InputRecord> {
    this.#done()
    return END
  }
}

const END: IteratorResult<InputRecord> = { done: true, value: undefined }
