import type { Failed } from '../../index.js'
import type { Block } from '../input/block.js'
import type { InputRecord, Line } from '../parse/record.js'

/** What became of lines so far. */
export class Tally {
  acked = 0
  /** Records that were not confirmed, malformed lines included. */
  failed = 0
  malformed = 0
  /** Failed records that may be stored all the same. */
  maybe = 0
  /** Bytes of lines whose records are acked. */
  ackedBytes = 0
  /** Bytes that are read, of all inputs. */
  readBytes = 0
  /** The last record that the producer took. */
  last: InputRecord | undefined

  entered(block: Block): void {
    this.readBytes += block.bytes.length
  }

  delivered({ acked, bytes, last }: { acked: number; bytes: number; last: InputRecord | undefined }): void {
    this.acked += acked
    this.ackedBytes += bytes
    // Blocks may settle in another order than that of their lines.
    if (last !== undefined && !(this.last?.block.input === last.block.input && this.last.number > last.number))
      this.last = last
  }

  refused({ persisted }: Failed): void {
    this.failed++
    if (persisted === 'maybe') this.maybe++
  }

  isMalformed(): void {
    this.failed++
    this.malformed++
  }
}

/** `events.ndjson:17`. */
export function place({ block, number }: Line): string {
  return `${block.input}:${number}`
}
