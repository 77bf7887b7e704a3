import assert from 'node:assert/strict'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { NO_LEADER, type PartitionProduceResponse } from '../../src/protocol/messages/produce.js'
import { decodeRecordBatches, decodeRecords, type RecordBatch } from '../../src/protocol/records/record-batch.js'
import { ProducerStates } from '../../src/testing/state/producer-state.js'

/** What goes wrong with one request at the broker. */
export type RequestFault =
  | 'rejected'
  | 'refused'
  | 'named'
  | 'corrupt'
  | 'tooLarge'
  | 'displaced'
  | 'fenced'
  | 'failedAfterAppend'
  | 'unknownCode'
  | 'unknownCodeAfterAppend'

/** The codes that it answers then. */
export const REQUEST_FAULTS: Readonly<Record<RequestFault, number>> = {
  rejected: ErrorCode.NOT_ENOUGH_REPLICAS,
  /** Some record is bad, and none is named. */
  refused: ErrorCode.INVALID_RECORD,
  /** One in the middle is bad, and named. */
  named: ErrorCode.INVALID_TIMESTAMP,
  corrupt: ErrorCode.CORRUPT_MESSAGE,
  tooLarge: ErrorCode.MESSAGE_TOO_LARGE,
  /** The broker says that records are missing. */
  displaced: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  /** The broker says that somebody has written in a newer epoch. */
  fenced: ErrorCode.INVALID_PRODUCER_EPOCH,
  failedAfterAppend: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  /** Codes that no version of Kafka had when this was written. */
  unknownCode: 134,
  unknownCodeAfterAppend: 200,
}

/** Faults of which only the answer suffers: the batch is appended first. */
const AFTER_APPEND: readonly (RequestFault | undefined)[] = ['failedAfterAppend', 'unknownCodeAfterAppend']

/** A batch in the log. A record's number is its timestamp. */
export interface Entry {
  readonly numbers: readonly number[]
  readonly baseOffset: number
  readonly batch: RecordBatch
}

/**
 * One partition at its leader: the rules R1 to R7 as the testing broker has them ({@link ProducerStates}), and the smallest
 * log that can stand beside them. Its replicas are always the same, but for a tail that nobody was told of.
 */
export class Leader {
  node = 1
  log: Entry[] = []
  /** Entries that every replica has: an acked one is among them. */
  committed = 0
  /** The producer's state went when the log had so many entries. */
  forgotten: number | undefined
  /** The node was started again when the log had so many entries. */
  restarted: number | undefined
  readonly #states: ProducerStates

  constructor(strictFirstSequence: boolean) {
    this.#states = new ProducerStates(strictFirstSequence)
  }

  /** Carries out a request that came to a node. */
  carryOut(node: number, bytes: Buffer, fault: RequestFault | undefined): PartitionProduceResponse {
    if (node !== this.node) return answer(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const errorCode = fault === undefined ? ErrorCode.NONE : REQUEST_FAULTS[fault]
    const batch = decodeRecordBatches(bytes)[0]!
    if (fault === 'named') {
      const recordErrors = [{ batchIndex: batch.recordCount >> 1, batchIndexErrorMessage: 'bad' }]
      return { ...answer(errorCode), recordErrors }
    }
    if (errorCode !== ErrorCode.NONE && !AFTER_APPEND.includes(fault)) return answer(errorCode)
    assert.ok(batch.crcValid, 'the bytes of a batch changed after its CRC was made')
    const judgement = this.#states.judge(batch)
    if (judgement.kind === 'rejected') return answer(judgement.errorCode)
    const baseOffset = judgement.kind === 'duplicate' ? Number(judgement.baseOffset) : this.#append(batch)
    if (errorCode !== ErrorCode.NONE) return answer(errorCode)
    this.committed = Math.max(this.committed, this.log.findIndex(entry => entry.baseOffset === baseOffset) + 1)
    return answer(ErrorCode.NONE, BigInt(baseOffset))
  }

  /** Another node leads from now on; it may lack what was never confirmed. */
  move(losesTail: boolean): void {
    this.node = 3 - this.node
    if (!losesTail) return
    this.log = this.log.slice(0, this.committed)
    const last = this.log.at(-1)
    const end = last === undefined ? 0 : endOf(last)
    this.#states.truncated(
      BigInt(end),
      this.log.map(({ batch, baseOffset }) => ({ ...batch, baseOffset: BigInt(baseOffset) })),
    )
  }

  forget(): void {
    this.#states.forget()
    this.forgotten = this.log.length
  }

  restart(): void {
    this.#states.reload()
    this.restarted = this.log.length
  }

  /** All that the broker's answers can depend on. */
  fingerprint(): string {
    const log = this.log.map(({ numbers, batch }) => `${numbers}:${identityOf(batch)}`)
    return `${this.node}[${log}]${this.committed}/${this.forgotten ?? ''}/${this.restarted ?? ''}`
  }

  #append(batch: RecordBatch): number {
    const last = this.log.at(-1)
    const baseOffset = last === undefined ? 0 : endOf(last)
    const numbers = decodeRecords(batch).map(({ timestamp }) => Number(timestamp))
    this.log.push({ numbers, baseOffset, batch })
    this.#states.appended(batch, BigInt(baseOffset))
    return baseOffset
  }
}

function endOf({ baseOffset, numbers }: Entry): number {
  return baseOffset + numbers.length
}

export function identityOf(batch: { producerId: bigint; producerEpoch: number; baseSequence: number }): string {
  return `${batch.producerId}.${batch.producerEpoch}.${batch.baseSequence}`
}

function answer(errorCode: number, baseOffset = -1n): PartitionProduceResponse {
  return {
    index: 0,
    errorCode,
    baseOffset,
    logAppendTimeMs: -1n,
    logStartOffset: 0n,
    recordErrors: [],
    errorMessage: null,
    currentLeader: NO_LEADER,
  }
}
