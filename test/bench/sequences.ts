/** What a broker knows of the producers of one partition: enough to see a gap, a duplicate or a false epoch. */
import {
  BASE_SEQUENCE_OFFSET,
  PRODUCER_EPOCH_OFFSET,
  PRODUCER_ID_OFFSET,
} from '../../src/protocol/records/record-batch.js'

interface Known {
  readonly producerId: number
  epoch: number
  /** The sequence that comes next in this epoch. */
  next: number
}

export class Sequences {
  readonly #known = new Map<number, Known>()
  /** Who wrote last: nearly always who writes next. */
  #last: Known | undefined

  /**
   * Takes a batch of `count` records whose header stands at `offset`.
   *
   * @returns what is wrong with it.
   */
  take(bytes: Buffer, offset: number, count: number): string | undefined {
    // No id that a broker of the benchmarks gives out is too large for a number.
    const producerId =
      bytes.readInt32BE(offset + PRODUCER_ID_OFFSET) * 2 ** 32 + bytes.readUInt32BE(offset + PRODUCER_ID_OFFSET + 4)
    const epoch = bytes.readInt16BE(offset + PRODUCER_EPOCH_OFFSET)
    const sequence = bytes.readInt32BE(offset + BASE_SEQUENCE_OFFSET)
    const known = this.#last?.producerId === producerId ? this.#last : this.#find(producerId, epoch)
    if (known === undefined) return 'a batch of a producer that is not idempotent'
    let wrong: string | undefined
    if (epoch !== known.epoch) {
      if (epoch < known.epoch) wrong = `epoch ${epoch} after ${known.epoch}`
      known.epoch = epoch
      known.next = 0
    }
    if (sequence !== known.next) wrong ??= `sequence ${sequence} where ${known.next} comes next`
    // Sequences go on with 0 behind the largest int32.
    known.next = (sequence + count) & 0x7fffffff
    return wrong
  }

  #find(producerId: number, epoch: number): Known | undefined {
    if (producerId < 0) return undefined
    let known = this.#known.get(producerId)
    if (known === undefined) {
      known = { producerId, epoch, next: 0 }
      this.#known.set(producerId, known)
    }
    this.#last = known
    return known
  }
}
