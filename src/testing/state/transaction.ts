import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'

/**
 * Kafka's states. PrepareEpochFence and Dead are not among them: the first is over within one request, the second is of ids that
 * have not been used for a week.
 */
export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

/** What takes part in a transaction: a partition, or the offsets of a consumer group. */
export type Participant =
  | { readonly kind: 'partition'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'group'; readonly groupId: string }

/**
 * Which rules a request to end a transaction follows (`transaction.version`): with `'epoch bump'` (KIP-890, EndTxn 5) each transaction
 * has an epoch of its own, without it the epoch changes only when a producer is initialized or fenced.
 */
export type Protocol = 'classic' | 'epoch bump'

/** The highest epoch. No producer gets it, so that the coordinator can always fence one. */
const MAX_EPOCH = 32767

/**
 * What the coordinator knows of one transactional id, and its answer to each request (Kafka's TransactionMetadata, and
 * TransactionCoordinator of 4.1). Every answer is an error code; a request that is refused changes nothing.
 *
 * | state | InitProducerId | add partitions | EndTxn, classic | EndTxn, epoch bump |
 * |---|---|---|---|---|
 * | Empty | next epoch | Ongoing | INVALID_TXN_STATE | commit: INVALID_TXN_STATE; abort: PrepareAbort |
 * | Ongoing | fenced first: PrepareAbort | Ongoing | PrepareCommit, PrepareAbort | the same, in the next epoch |
 * | Prepare… | CONCURRENT_TRANSACTIONS | CONCURRENT_TRANSACTIONS | the same end again: CONCURRENT_TRANSACTIONS; the other: INVALID_TXN_STATE | the same |
 * | Complete… | next epoch | Ongoing | the same end again: success; the other: INVALID_TXN_STATE | in the epoch before: as classic; in its own: as Empty |
 */
export class Transaction {
  readonly #newProducerId: () => bigint
  state: TransactionState = 'Empty'
  producerId: bigint
  producerEpoch = -1
  timeoutMs = 0
  /** When the first partition was added. */
  startedAt = -1
  readonly participants: Map<string, Participant> = new Map()
  /** Before the last change of the id, or of anything else. */
  #previousProducerId = -1n
  /** Epochs are used up: the id from the end of this transaction on. -1: the same as now. */
  #nextProducerId = -1n
  /** The epoch that a retried InitProducerId may still name; -1: none. */
  #lastEpoch = -1

  constructor(newProducerId: () => bigint) {
    this.#newProducerId = newProducerId
    this.producerId = newProducerId()
  }

  get isOngoing(): boolean {
    return this.state === 'Ongoing'
  }

  /** Whether its end is decided, and markers are still to be written. */
  get isPrepared(): boolean {
    return this.state === 'PrepareCommit' || this.state === 'PrepareAbort'
  }

  /** The identity of the next transaction, which EndTxn 5 answers with. */
  get nextIdentity(): ProducerIdAndEpoch {
    if (this.#nextProducerId >= 0n) return { producerId: this.#nextProducerId, producerEpoch: 0 }
    return { producerId: this.producerId, producerEpoch: this.producerEpoch }
  }

  /** @param known what the producer had before (KIP-360); undefined: nothing. */
  init(known: ProducerIdAndEpoch | undefined, timeoutMs: number): number {
    if (known !== undefined && !this.#isOwn(known)) return ErrorCode.PRODUCER_FENCED
    // An ongoing one was fenced before.
    if (this.isPrepared || this.isOngoing) return ErrorCode.CONCURRENT_TRANSACTIONS
    const current = known === undefined || known.producerEpoch === this.producerEpoch
    if (this.#isExhausted) {
      if (!current) return ErrorCode.UNKNOWN_SERVER_ERROR
      this.#lastEpoch = known === undefined ? -1 : this.producerEpoch
      this.#identify(this.#newProducerId(), 0)
    } else if (current || this.producerEpoch === -1) {
      this.#lastEpoch = known === undefined ? -1 : this.producerEpoch
      this.#identify(this.producerId, this.producerEpoch + 1)
    } else if (known.producerEpoch === this.#lastEpoch) {
      this.#identify(this.producerId, this.producerEpoch)
    } else {
      return ErrorCode.PRODUCER_FENCED
    }
    this.state = 'Empty'
    this.timeoutMs = timeoutMs
    return ErrorCode.NONE
  }

  /** Whether InitProducerId of this identity may go on at all. */
  mayInit(known: ProducerIdAndEpoch | undefined): boolean {
    return known === undefined || this.#isOwn(known)
  }

  add(who: ProducerIdAndEpoch, added: readonly Participant[], now: number): number {
    const refused = this.#refusal(who)
    if (refused !== ErrorCode.NONE) return refused
    if (this.isOngoing && added.every(one => this.participants.has(keyOf(one)))) return ErrorCode.NONE
    if (!this.isOngoing) this.startedAt = now
    for (const one of added) this.participants.set(keyOf(one), one)
    this.#previousProducerId = this.producerId
    this.state = 'Ongoing'
    return ErrorCode.NONE
  }

  /** Whether it was added before: the check that brokers make before they append (KIP-890). */
  verify(who: ProducerIdAndEpoch, participant: Participant): number {
    const refused = this.#refusal(who)
    if (refused !== ErrorCode.NONE) return refused
    return this.participants.has(keyOf(participant)) ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE
  }

  #refusal({ producerId, producerEpoch }: ProducerIdAndEpoch): number {
    if (producerId !== this.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if (producerEpoch !== this.producerEpoch) return ErrorCode.PRODUCER_FENCED
    return this.isPrepared ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.NONE
  }

  /** Success also where nothing had to be done: see {@link isPrepared}. */
  end(who: ProducerIdAndEpoch, committed: boolean, protocol: Protocol): number {
    const retried = protocol === 'epoch bump' && this.#isRetry(who)
    if (who.producerId !== this.producerId && !retried) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    if (!this.#mayEnd(who, protocol, retried)) return ErrorCode.PRODUCER_FENCED
    if (this.isPrepared || (this.#isComplete && (protocol === 'classic' || retried))) return this.#again(committed)
    // Where nothing was added, an abort is still how a producer gets its next epoch.
    if (!this.isOngoing && (protocol === 'classic' || committed)) return ErrorCode.INVALID_TXN_STATE
    if (protocol === 'epoch bump') this.#bumpEpoch()
    return this.#prepare(committed)
  }

  #mayEnd({ producerEpoch }: ProducerIdAndEpoch, protocol: Protocol, retried: boolean): boolean {
    const current = producerEpoch === this.producerEpoch
    if (protocol === 'classic') return current
    return this.isPrepared ? retried : current || (retried && this.#isComplete)
  }

  /** The answer to an end that was there before. */
  #again(committed: boolean): number {
    const same = this.state === (committed ? 'PrepareCommit' : 'PrepareAbort')
    if (same) return ErrorCode.CONCURRENT_TRANSACTIONS
    return this.state === (committed ? 'CompleteCommit' : 'CompleteAbort')
      ? ErrorCode.NONE
      : ErrorCode.INVALID_TXN_STATE
  }

  /** Aborts what is open in an epoch that the producer does not have: by another instance, or because it took too long. */
  fence(protocol: Protocol): void {
    this.#lastEpoch = protocol === 'classic' ? -1 : this.producerEpoch
    this.producerEpoch = Math.min(this.producerEpoch + 1, MAX_EPOCH)
    this.#prepare(false)
  }

  #bumpEpoch(): void {
    if (this.#isExhausted) this.#nextProducerId = this.#newProducerId()
    this.#lastEpoch = this.producerEpoch
    this.producerEpoch = Math.min(this.producerEpoch + 1, MAX_EPOCH)
  }

  #prepare(committed: boolean): number {
    this.#previousProducerId = this.producerId
    this.state = committed ? 'PrepareCommit' : 'PrepareAbort'
    return ErrorCode.NONE
  }

  /** Every marker is written. */
  complete(): void {
    const { producerId, producerEpoch } = this.nextIdentity
    this.#identify(producerId, producerEpoch)
    this.#nextProducerId = -1n
    this.participants.clear()
    this.state = this.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
  }

  get #isComplete(): boolean {
    return this.state === 'CompleteCommit' || this.state === 'CompleteAbort'
  }

  get #isExhausted(): boolean {
    return isExhausted(this.producerEpoch)
  }

  #isOwn({ producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
    // -1: the coordinator has forgotten the producer, which may go on all the same.
    if (this.producerEpoch === -1 || producerId === this.producerId) return true
    return producerId === this.#previousProducerId && isExhausted(producerEpoch)
  }

  /** With the epoch bump a retried EndTxn names the epoch before, or the id before if its epochs are used up. */
  #isRetry({ producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
    if (producerId === this.producerId && producerEpoch + 1 === this.producerEpoch) return true
    return producerId === this.#previousProducerId && producerEpoch === MAX_EPOCH - 1 && this.producerEpoch === 0
  }

  #identify(producerId: bigint, producerEpoch: number): void {
    this.#previousProducerId = this.producerId
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }
}

function isExhausted(epoch: number): boolean {
  return epoch >= MAX_EPOCH - 1
}

function keyOf(one: Participant): string {
  return one.kind === 'group' ? `group ${one.groupId}` : `${one.topic}-${one.partition}`
}
