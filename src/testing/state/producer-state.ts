import { ErrorCode } from '../../protocol/error-codes.js'
import type { RecordBatch } from '../../protocol/records/record-batch.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import { isControl } from './control-batch.js'

/**
 * What a partition's leader remembers of each producer, and how it judges an idempotent batch by that (KIP-98).
 *
 * | rule | | in Kafka |
 * |---|---|---|
 * | R1 | same epoch, same first and last sequence as one of the last five batches: success, original offset, nothing appended | ProducerStateEntry.findDuplicateBatch |
 * | R2 | epoch below the stored one: INVALID_PRODUCER_EPOCH | ProducerAppendInfo.checkProducerEpoch |
 * | R3 | epoch above the stored one: the sequence must be 0, else OUT_OF_ORDER_SEQUENCE_NUMBER; accepting forgets the batches of the old epoch | ProducerAppendInfo.checkSequence |
 * | R4 | same epoch: the sequence that follows the last one (0 after 2147483647), else OUT_OF_ORDER_SEQUENCE_NUMBER, overlaps and duplicates older than five included | ProducerAppendInfo.inSequence |
 * | R5 | nothing stored: any first sequence; with `strictFirstSequence` only 0, as Kafka 4 wants it of transactional producers | ProducerAppendInfo.checkSequence |
 * | R6 | a rejection changes nothing | UnifiedLog.append updates producers last |
 * | R7 | what is stored goes when it is idle for long; deleting records leaves it; truncation takes it back to what the log still holds; a broker that starts again knows the last batch only | ProducerStateManager.removeExpiredProducers, onLogStartOffsetIncremented, truncateAndReload, readSnapshot |
 * | R9 | the first batch of a transaction in a partition may not overtake an earlier one that could not be verified; from Produce 12 on, it has sequence 0 where no batch of the producer is stored: else OUT_OF_ORDER_SEQUENCE_NUMBER (KIP-890) | VerificationStateEntry.lowestSequence, ProducerAppendInfo.checkSequence |
 * | R10 | the marker of a transaction can carry a later epoch: batches of earlier ones are refused from then on, and sequences begin at 0 | ProducerStateEntry.update |
 *
 * The classes are those of Kafka 3.9 to 4.1; UnifiedLog.analyzeAndValidateProducerState looks for a duplicate before anything
 * else. R8 (one request at a time) is the connection's: session.ts.
 */
export class ProducerStates {
  readonly #strictFirstSequence: boolean
  readonly #producers = new Map<bigint, ProducerState>()
  /** Producers whose next batch begins a transaction, if its coordinator agrees. */
  readonly #beginning = new Map<bigint, Beginning>()

  constructor(strictFirstSequence: boolean) {
    this.#strictFirstSequence = strictFirstSequence
  }

  /** What is to be done with a batch; changes nothing. */
  judge(batch: RecordBatch): Judgement {
    const { producerEpoch: epoch, baseSequence: first } = batch
    const state = this.#producers.get(batch.producerId)
    if (state === undefined) {
      if (this.#overtakes(batch, state)) return outOfOrder('R9')
      return this.#strictFirstSequence && first !== 0 ? outOfOrder('R5') : APPEND
    }
    if (epoch < state.epoch) return { kind: 'rejected', rule: 'R2', errorCode: ErrorCode.INVALID_PRODUCER_EPOCH }
    if (epoch === state.epoch) {
      const last = lastSequenceOf(batch)
      const duplicate = state.batches.find(known => known.first === first && known.last === last)
      if (duplicate !== undefined) return { kind: 'duplicate', rule: 'R1', baseOffset: duplicate.baseOffset }
    }
    if (this.#overtakes(batch, state)) return outOfOrder('R9')
    if (epoch > state.epoch) return first === 0 ? APPEND : outOfOrder('R3')
    return first === following(state.last) ? APPEND : outOfOrder('R4')
  }

  /** The producers that are known. */
  get ids(): readonly bigint[] {
    return [...this.#producers.keys()]
  }

  /** The latest epoch in which the producer wrote or was fenced; -1: it is not known. */
  epochOf(producerId: bigint): number {
    return this.#producers.get(producerId)?.epoch ?? -1
  }

  /**
   * The transaction's coordinator is asked whether this batch may begin a transaction in the partition.
   *
   * @param fromZero R9: only sequence 0 may do so where no batch is stored.
   */
  begins({ producerId, producerEpoch: epoch, baseSequence: first }: Beginner, fromZero: boolean): void {
    const known = this.#beginning.get(producerId)
    if (known?.epoch === epoch) known.lowest = Math.min(known.lowest, first)
    else if (known === undefined || epoch > known.epoch) {
      this.#beginning.set(producerId, { epoch, lowest: first, fromZero: known?.fromZero ?? fromZero })
    }
  }

  #overtakes({ producerId, baseSequence: first }: RecordBatch, state: ProducerState | undefined): boolean {
    const beginning = this.#beginning.get(producerId)
    if (beginning === undefined) return false
    const nothingStored = state === undefined || state.batches.length === 0
    return first > beginning.lowest || (beginning.fromZero && nothingStored && first !== 0)
  }

  /** A marker of a transaction was appended. */
  marked({ producerId, producerEpoch: epoch }: ProducerIdAndEpoch, offset: bigint): void {
    const known = this.#producers.get(producerId)
    const state = known?.epoch === epoch ? known : { epoch, last: -1, batches: [], marker: offset }
    state.marker = offset
    this.#producers.set(producerId, state)
    this.#beginning.delete(producerId)
  }

  /** The batch was appended. */
  appended(batch: RecordBatch, baseOffset: bigint): void {
    const known = this.#producers.get(batch.producerId)
    const state =
      known?.epoch === batch.producerEpoch
        ? known
        : { epoch: batch.producerEpoch, last: -1, batches: [] as KnownBatch[], marker: known?.marker ?? -1n }
    state.last = lastSequenceOf(batch)
    state.batches.push({ first: batch.baseSequence, last: state.last, baseOffset })
    if (state.batches.length > REMEMBERED) state.batches.shift()
    this.#producers.set(batch.producerId, state)
    this.#beginning.delete(batch.producerId)
  }

  /**
   * The log lost its end. A producer that wrote there is known by what it wrote before, as if the rest had never come;
   * otherwise a batch that is gone would be taken for a duplicate when it is sent again, and lost for good.
   *
   * @param end where the log ends now.
   * @param left the batches that it still has.
   */
  truncated(end: bigint, left: readonly RecordBatch[]): void {
    const lost = new Set<bigint>()
    for (const [producerId, { batches, marker }] of this.#producers) {
      if (marker >= end || batches.some(({ baseOffset }) => baseOffset >= end)) lost.add(producerId)
    }
    for (const producerId of lost) this.#producers.delete(producerId)
    for (const batch of left) {
      if (!lost.has(batch.producerId)) continue
      if (isControl(batch)) this.marked(batch, batch.baseOffset)
      else this.appended(batch, batch.baseOffset)
    }
  }

  /** Read from a snapshot, which has the last batch of each producer, and no more. */
  reload(): void {
    this.#beginning.clear()
    for (const { batches } of this.#producers.values()) batches.splice(0, batches.length - 1)
  }

  /** Forgets one producer, or all of them. */
  forget(producerId?: bigint): void {
    for (const known of [this.#producers, this.#beginning]) {
      if (producerId === undefined) known.clear()
      else known.delete(producerId)
    }
  }
}

export type Judgement =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly rule: 'R1'; readonly baseOffset: bigint }
  | { readonly kind: 'rejected'; readonly rule: 'R2' | 'R3' | 'R4' | 'R5' | 'R9'; readonly errorCode: number }

interface KnownBatch {
  readonly first: number
  readonly last: number
  readonly baseOffset: bigint
}

interface ProducerState {
  readonly epoch: number
  last: number
  readonly batches: KnownBatch[]
  /** Offset of the latest marker; -1: there was none. */
  marker: bigint
}

/** What begins a transaction: a batch. */
export type Beginner = Pick<RecordBatch, 'producerId' | 'producerEpoch' | 'baseSequence'>

interface Beginning {
  readonly epoch: number
  /** The lowest sequence that was to begin it. */
  lowest: number
  readonly fromZero: boolean
}

/** ProducerStateEntry.NUM_BATCHES_TO_RETAIN */
const REMEMBERED = 5

const MAX_SEQUENCE = 2147483647

const APPEND: Judgement = { kind: 'append' }

function outOfOrder(rule: 'R3' | 'R4' | 'R5' | 'R9'): Judgement {
  return { kind: 'rejected', rule, errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER }
}

function following(sequence: number): number {
  return sequence === MAX_SEQUENCE ? 0 : sequence + 1
}

function lastSequenceOf(batch: RecordBatch): number {
  const last = batch.baseSequence + batch.lastOffsetDelta
  return last > MAX_SEQUENCE ? last - MAX_SEQUENCE - 1 : last
}
