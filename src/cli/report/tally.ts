import type { Failed } from '../../index.js'
import type { Block } from '../input/block.js'
import type { InputRecord, Line } from '../parse/record.js'

/** What became of lines so far. */
export class Tally {
  /** Records that the producer has taken. */
  read = 0
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
  /** The record that the producer took last. */
  last: InputRecord | undefined

  entered(block: Block): void {
    this.readBytes += block.bytes.length
  }

  taken(record: InputRecord): void {
    this.read++
    this.last = record
  }

  acknowledged(record: InputRecord): void {
    this.acked++
    this.ackedBytes += record.end - record.start
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
