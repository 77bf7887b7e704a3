import { Subject } from 'rxjs'
import type { BufferFullError } from '../../errors.js'
import { RECORD_COST } from '../model/batch.js'
import { bufferFull } from '../records/refusals.js'

export interface MemoryOptions {
  readonly bufferMemory: number
  /** Of the largest request, and so of the largest record. */
  readonly maxRequestSize: number
}

/** What counts for `bufferMemory`: everything that has no terminal event yet. */
export class BufferMemory {
  /** Never above `bufferMemory`. */
  bytes = 0
  /** Emits when memory was released. */
  readonly released$: Subject<void> = new Subject<void>()
  readonly #options: MemoryOptions
  readonly #refused: () => void

  /** @param refused told when something finds no room. */
  constructor(options: MemoryOptions, refused: () => void) {
    this.#options = options
    this.#refused = refused
  }

  /** Whether a record of any size that is allowed would find room. */
  get hasRoom(): boolean {
    return this.bytes + this.#options.maxRequestSize + RECORD_COST <= this.#options.bufferMemory
  }

  /** Whether a record that has its place {@link reserve reserved} would find room for its bytes, whatever its size. */
  get hasRoomForReserved(): boolean {
    return this.bytes + this.#options.maxRequestSize <= this.#options.bufferMemory
  }

  /**
   * Has something that is not encoded yet count for one record's overhead in the buffer, if there is room for the largest
   * record: what is reserved can never fill the buffer so that none of it finds room for its bytes.
   */
  reserve(): BufferFullError | undefined {
    if (!this.hasRoom) return this.refuse(RECORD_COST + this.#options.maxRequestSize)
    this.bytes += RECORD_COST
    return undefined
  }

  /** It counts no more. Nobody is told: what it becomes may take its place. */
  unreserve(): void {
    this.bytes -= RECORD_COST
  }

  /** @param held what would have been added. */
  refuse(held: number): BufferFullError {
    this.#refused()
    return bufferFull(this.bytes, held, this.#options.bufferMemory)
  }
}
