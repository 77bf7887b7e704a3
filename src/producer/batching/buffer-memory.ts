import { Subject } from 'rxjs'
import type { BufferFullError } from '../../errors.js'
import { RECORD_COST } from '../model/batch.js'
import { bufferFull } from '../records/refusals.js'

export interface MemoryOptions {
  readonly bufferMemory: number
  /** Bytes of the largest request, and so of the largest record. */
  readonly maxRequestSize: number
}

/** What counts for `bufferMemory`: every record that has no terminal event yet. */
export class BufferMemory {
  /** Never above `bufferMemory`. */
  bytes = 0
  /** Emits when memory was released. */
  readonly released$: Subject<void> = new Subject<void>()
  readonly #options: MemoryOptions
  readonly #refused: () => void

  /** @param refused called when a record finds no memory. */
  constructor(options: MemoryOptions, refused: () => void) {
    this.#options = options
    this.#refused = refused
  }

  /** Whether a record of any permitted size would find memory. */
  get hasRoom(): boolean {
    return this.bytes + this.#options.maxRequestSize + RECORD_COST <= this.#options.bufferMemory
  }

  /** Whether a record with {@link reserve reserved} memory would find memory for its bytes, whatever its size. */
  get hasRoomForReserved(): boolean {
    return this.bytes + this.#options.maxRequestSize <= this.#options.bufferMemory
  }

  /**
   * Reserves one record's overhead for a record that is not encoded yet, if there is memory for the largest record. So reservations
   * can never fill the buffer until none of them finds memory for its bytes.
   */
  reserve(): BufferFullError | undefined {
    if (!this.hasRoom) return this.refuse(RECORD_COST + this.#options.maxRequestSize)
    this.bytes += RECORD_COST
    return undefined
  }

  /** Ends a reservation. Emits nothing: the record itself may take its place. */
  unreserve(): void {
    this.bytes -= RECORD_COST
  }

  /** @param held bytes that the record would have added. */
  refuse(held: number): BufferFullError {
    this.#refused()
    return bufferFull(this.bytes, held, this.#options.bufferMemory)
  }
}
