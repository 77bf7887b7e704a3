import { concatMap, type Observable, Subject, type Subscription } from 'rxjs'
import type { Brokers } from '../../cluster/brokers.js'
import { BrokerError, DataLossError, describe, KafkaError } from '../../errors.js'
import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { ProducerEvent } from '../model/events.js'
import type { Partition } from '../model/partition.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import type { GroupMember, GroupOffset } from './offsets.js'
import { OpenTransaction } from './open-transaction.js'
import { Positions } from './positions.js'
import { TransactionRequests } from './requests.js'
import { FORGOTTEN, type Verdict } from './verdicts.js'

/** What transactions need of the data path. */
export interface TransactionalPath {
  /** Keeps the process alive until the work has ended. */
  hold<T>(work: Promise<T>): Promise<T>
  /** The partition may be ready to send. */
  offer(partition: Partition): void
  /** Resolves when every record of the transaction has its terminal event. */
  flush(transaction: TransactionScope): Promise<void>
  /** Fails the records of the transaction that are not in flight. */
  drop(transaction: TransactionScope, partitions: Iterable<Partition>): void
}

interface TransactionsOptions {
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
}

/**
 * The transactions of a producer, one after the other: gives a transaction its turn, has its partitions added, and commits or aborts it.
 * Also where the producer's id and epoch come from, which are those of its transactional id.
 */
export class Transactions {
  /** Emits the producer's identity whenever it is another one; errors when the producer can't go on. */
  readonly identity$: Observable<ProducerIdAndEpoch>
  readonly #identities = new Subject<ProducerIdAndEpoch>()
  readonly #path: TransactionalPath
  readonly #events$: Subject<ProducerEvent>
  readonly #isNeeded: () => boolean
  readonly #requests: TransactionRequests
  readonly #positions: Positions
  readonly #queue = new Subject<OpenTransaction>()
  /** Those that have not ended, in the order of their turns. */
  readonly #open = new Set<OpenTransaction>()
  #identity: ProducerIdAndEpoch | undefined
  #initializing: Promise<ProducerIdAndEpoch> | undefined
  /** Calls of `position()` that wait. */
  #reading = 0
  /** The one whose turn it is. */
  #current: OpenTransaction | undefined
  /** Whether the current one has partitions or offsets that were added by requests, or may have been. */
  #added = false
  /** Whether a partition can't go on in this epoch. */
  #sequencesLost = false
  /** Whether the coordinator knows the identity no more. */
  #identityLost = false
  /** Partitions to be added to the current one. */
  readonly #unadded = new Set<Partition>()
  #adding: Promise<void> | undefined

  /**
   * @param isNeeded whether anyone beside transactions waits for the identity; asked after every failure.
   * @param life ends everything when it is unsubscribed.
   */
  constructor(
    options: TransactionsOptions,
    brokers: Brokers,
    path: TransactionalPath,
    events$: Subject<ProducerEvent>,
    isNeeded: () => boolean,
    life: Subscription,
  ) {
    this.#path = path
    this.#events$ = events$
    this.#isNeeded = isNeeded
    this.identity$ = this.#identities.asObservable()
    this.#requests = new TransactionRequests(options, brokers, error =>
      events$.next({ kind: this.#identity === undefined ? 'producerIdFailed' : 'coordinatorFailed', error }),
    )
    this.#positions = new Positions(options.transactionalId, this.#requests)
    life.add(
      this.#queue
        .pipe(concatMap(transaction => this.#run(transaction)))
        .subscribe({ error: error => this.#fatal(error) }),
    )
    life.add(() => this.#requests.close())
  }

  /** Whether the identity was asked for. */
  get wanted(): boolean {
    return this.#initializing !== undefined
  }

  /** How many have not ended. */
  get size(): number {
    return this.#open.size
  }

  /** Acquires the producer's identity, unless it has one. */
  request(): void {
    this.#initialized().catch(() => {})
  }

  /** Begins a transaction: it gathers records until it is its turn. */
  begin(): OpenTransaction {
    const transaction = new OpenTransaction()
    this.#open.add(transaction)
    this.#queue.next(transaction)
    return transaction
  }

  /** A batch of a transaction was opened in the partition. */
  placed(scope: TransactionScope, partition: Partition): void {
    for (const transaction of this.#open) {
      if (transaction.scope !== scope) continue
      transaction.partitions.add(partition)
      this.#include(transaction, partition)
    }
  }

  /** Stores offsets of a group in the transaction, once it is its turn. */
  sendOffsets(transaction: OpenTransaction, group: GroupMember, offsets: readonly GroupOffset[]): Promise<void> {
    const sent = this.#commitOffsets(transaction, group, offsets)
    transaction.offsets.push(sent)
    // Whoever does not await it hears of it when the transaction ends.
    sent.catch(() => {})
    return sent
  }

  /** Returns the position that was committed last, by whichever producer had this transactional id. */
  async position(): Promise<string | undefined> {
    const read = async (): Promise<string | undefined> => {
      await this.#initialized()
      return this.#positions.read()
    }
    this.#reading++
    return this.#path.hold(read().finally(() => this.#reading--))
  }

  /** Aborts the transactions whose records have not all been accepted, and resolves when all have ended. */
  async close(reason: Error): Promise<void> {
    for (const transaction of this.#open) {
      if (transaction.is('gathering', 'open') && transaction.scope.closed === undefined) transaction.abort(reason)
    }
    await Promise.allSettled([...this.#open].map(transaction => transaction.until('committed', 'aborted')))
  }

  /** The producer ends: no transaction will be committed any more. */
  abandon(error: Error): void {
    for (const transaction of this.#open) transaction.fail(error)
    this.#open.clear()
    this.#requests.abandon(error)
  }

  /** Sequences of a partition restart, which needs another epoch: that of the next transaction. */
  bumped(partition: Partition, error: Error): void {
    const current = this.#current
    if (current === undefined || partition.transaction !== current.scope) return
    const { topic, index } = partition
    if (error instanceof DataLossError) this.#events$.next({ kind: 'dataLoss', topic, partition: index, error })
    this.#sequencesLost = true
    current.abort(error)
  }

  async #run(transaction: OpenTransaction): Promise<void> {
    await this.#path.hold(Promise.race([this.#initialized(), transaction.until('aborting')]))
    transaction.scope.addsPartitions = !this.#requests.isVersion2
    this.#current = transaction
    this.#added = false
    this.#sequencesLost = false
    this.#identityLost = false
    transaction.step('turn')
    for (const partition of transaction.partitions) this.#include(transaction, partition)
    await transaction.until('flushing', 'aborting')
    await this.#path.hold(this.#end(transaction))
    this.#open.delete(transaction)
    this.#current = undefined
  }

  async #end(transaction: OpenTransaction): Promise<void> {
    if (transaction.is('flushing')) await Promise.race([this.#store(transaction), transaction.until('aborting')])
    if (transaction.is('committing')) await this.#commit(transaction)
    if (transaction.is('aborting')) await this.#abort(transaction)
  }

  /** All records of the transaction are accepted: waits for their acks, and stores its offsets and its position. */
  async #store(transaction: OpenTransaction): Promise<void> {
    try {
      await this.#path.flush(transaction.scope)
      await Promise.all(transaction.offsets)
      if (transaction.position !== undefined && transaction.is('flushing')) await this.#storePosition(transaction)
      if (transaction.is('flushing')) transaction.step('stored')
    } catch (error) {
      transaction.abort(error as Error)
    }
  }

  async #commit(transaction: OpenTransaction): Promise<void> {
    if (this.#isKnown(transaction)) {
      const version2 = this.#isVersion2(transaction)
      const ended = await this.#requests.end(this.#identity!, true, version2)
      if ('code' in ended) {
        if (version2 && ended.code === ErrorCode.INVALID_TXN_STATE) transaction.refused(tookTooLong(ended.error))
        else this.#refused(transaction, ended)
        return
      }
      this.#identify(ended)
    }
    transaction.step('ended')
  }

  async #abort(transaction: OpenTransaction): Promise<void> {
    this.#unadded.clear()
    this.#path.drop(transaction.scope, transaction.partitions)
    await this.#path.flush(transaction.scope)
    await this.#adding
    await Promise.allSettled(transaction.offsets)
    const version2 = this.#isVersion2(transaction)
    const known = this.#isKnown(transaction)
    if (known) {
      const ended = await this.#requests.end(this.#identity!, false, version2)
      if (!('code' in ended)) this.#identify(ended)
      else if (UNKNOWN.includes(ended.code)) this.#identityLost = true
      else throw ended.error
      // With version 2 the end of a transaction brings another epoch.
      if (version2) this.#sequencesLost = false
    }
    if (this.#sequencesLost || this.#identityLost || isForgotten(transaction.cause))
      await this.#initialize(this.#identity)
    this.#events$.next({ kind: 'transactionAborted', error: transaction.cause! })
    transaction.step('ended')
  }

  /**
   * Whether the coordinator may know of the transaction. If not, it must not be told of its end: it may still be completing the one before,
   * and would take the producer for another one (KIP-890).
   */
  #isKnown({ scope }: OpenTransaction): boolean {
    return this.#added || scope.stored
  }

  #isVersion2({ scope }: OpenTransaction): boolean {
    return !scope.addsPartitions
  }

  /** Makes a partition part of the transaction, if it is its turn. */
  #include(transaction: OpenTransaction, partition: Partition): void {
    if (transaction !== this.#current || !transaction.is('open', 'flushing')) return
    if (partition.transaction === transaction.scope) return
    if (this.#isVersion2(transaction)) {
      this.#join(transaction, partition)
      return
    }
    this.#unadded.add(partition)
    this.#adding ??= this.#add(transaction)
  }

  /** Adds partitions, one request at a time: those that come up meanwhile go into the next one. */
  async #add(transaction: OpenTransaction): Promise<void> {
    // Those that come up in one go are added together.
    await undefined
    const wanted = (): boolean => !transaction.is('aborting')
    try {
      while (this.#unadded.size > 0) {
        const partitions = [...this.#unadded]
        this.#unadded.clear()
        const verdict = await this.#requests.addPartitions(this.#identity!, partitions, wanted)
        this.#added = true
        if (verdict !== undefined) {
          this.#refused(transaction, verdict)
          return
        }
        for (const partition of partitions) this.#join(transaction, partition)
      }
    } catch (error) {
      this.#added = true
      if (wanted()) this.#fatal(error as Error)
    } finally {
      this.#adding = undefined
    }
  }

  #join({ scope }: OpenTransaction, partition: Partition): void {
    partition.transaction = scope
    partition.sequences.adopt(this.#identity!)
    this.#path.offer(partition)
  }

  async #commitOffsets(
    transaction: OpenTransaction,
    group: GroupMember,
    offsets: readonly GroupOffset[],
  ): Promise<void> {
    await transaction.until('open', 'flushing', 'aborting')
    const wanted = (): boolean => !transaction.is('aborting')
    if (!wanted()) throw transaction.scope.dropped
    const version2 = this.#isVersion2(transaction)
    const answered = this.#requests.commitOffsets(this.#identity!, group, offsets, version2, wanted)
    // What was not answered may have been carried out.
    const verdict = await answered.finally(() => (this.#added = true))
    if (verdict === undefined) return
    this.#refused(transaction, verdict)
    throw verdict.error
  }

  async #storePosition(transaction: OpenTransaction): Promise<void> {
    const [first] = transaction.partitions
    const offset = await this.#positions.next(transaction.position!, first?.topic)
    if (offset === undefined) {
      const why =
        'setPosition() needs a record: the position is stored beside the topic that was written to, and nothing was written yet'
      transaction.abort(new KafkaError(why))
      return
    }
    await this.#commitOffsets(transaction, this.#positions.group, [offset])
  }

  /** An answer that is no success: the transaction is aborted, or the producer ends. */
  #refused(transaction: OpenTransaction, { fatal, error }: Verdict): void {
    if (fatal) this.#fatal(error)
    else transaction.refused(error)
  }

  #initialized(): Promise<ProducerIdAndEpoch> {
    this.#initializing ??= this.#initialize(undefined).catch(error => {
      this.#initializing = undefined
      throw error
    })
    return this.#initializing
  }

  async #initialize(current: ProducerIdAndEpoch | undefined): Promise<ProducerIdAndEpoch> {
    const wanted = (): boolean => this.#open.size > 0 || this.#reading > 0 || this.#isNeeded()
    const answer = await this.#requests.initialize(current, wanted)
    if ('code' in answer) {
      this.#fatal(answer.error)
      throw answer.error
    }
    this.#identify(answer)
    const { producerId, producerEpoch } = answer
    this.#events$.next({ kind: 'producerId', producerId, producerEpoch })
    return answer
  }

  #identify(identity: ProducerIdAndEpoch): void {
    const known = this.#identity
    if (known?.producerId === identity.producerId && known.producerEpoch === identity.producerEpoch) return
    this.#identity = identity
    this.#identities.next(identity)
  }

  #fatal(error: Error): void {
    this.#identities.error(error)
  }
}

/** With version 2 the epoch is still the producer's when the coordinator has aborted its transaction, so it may go on with the next one. */
function tookTooLong(cause: Error): KafkaError {
  return new KafkaError(
    `its coordinator had aborted it, as it does after \`transactionTimeoutMs\`: ${describe(cause)}`,
    { cause },
  )
}

/** The coordinator has forgotten the transactional id, as it does after `transactional.id.expiration.ms`. */
function isForgotten(cause: Error | undefined): boolean {
  return cause instanceof BrokerError && FORGOTTEN.includes(cause.code)
}

/** Answers to an abort that say that there is nothing to abort. */
const UNKNOWN: readonly number[] = [ErrorCode.INVALID_TXN_STATE, ...FORGOTTEN]
