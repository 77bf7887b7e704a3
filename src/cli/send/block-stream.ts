import type { Writable } from 'node:stream'
import type { Failed, Producer } from '../../index.js'
import type { InputRecord } from '../parse/record.js'

/** What became of the records of a block. */
export interface Delivered {
  readonly acked: number
  /** Bytes of the lines of acked records. */
  readonly bytes: number
  /** The last record that the producer took. */
  readonly last: InputRecord | undefined
  /** Why the producer took no more. */
  readonly error: Error | undefined
}

/**
 * The records of one block, on their way. A Writable gives no acks of records that are stored, which would cost as much as the rest of a
 * record's way: what was taken and did not fail is acked.
 */
export class BlockStream {
  /** Resolves when every record that the producer has taken has its ack. */
  readonly settled: Promise<Delivered>
  readonly #stream: Writable
  #taken = 0
  #failed = 0
  #bytes = 0
  #last: InputRecord | undefined
  /** Records of which nobody knows yet how many are taken. */
  #writing: readonly InputRecord[] = []

  constructor(producer: Pick<Producer, 'writable'>, onFailed: (ack: Failed) => void) {
    this.#stream = producer.writable({
      onFailed: ack => {
        const { start, end } = ack.record as InputRecord
        this.#failed++
        this.#bytes -= end - start
        onFailed(ack)
      },
    })
    this.settled = new Promise(resolve => {
      this.#stream.once('finish', () => resolve(this.#delivered(undefined)))
      this.#stream.on('error', error => resolve(this.#delivered(error)))
    })
  }

  /** Resolves when all records are taken and there is memory for more; never if the producer takes no more. */
  write(records: readonly InputRecord[]): Promise<void> {
    this.#writing = records
    return new Promise(resolve => {
      this.#stream.write(records, error => {
        if (error) return
        this.#count()
        resolve()
      })
    })
  }

  end(): void {
    this.#stream.end()
  }

  #count(): void {
    for (const record of this.#writing) {
      if (!record.taken) break
      this.#taken++
      this.#bytes += record.end - record.start
      this.#last = record
    }
    this.#writing = []
  }

  #delivered(error: Error | undefined): Delivered {
    this.#count()
    return { acked: this.#taken - this.#failed, bytes: this.#bytes, last: this.#last, error }
  }
}
