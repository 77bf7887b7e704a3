import { concatMap, type Observable, type SchedulerLike, Subject, type Subscription } from 'rxjs'
import type { Brokers } from '../../cluster/brokers.js'
import { ConnectionError, DataLossError, KafkaError } from '../../errors.js'
import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { ProducerEvent } from '../model/events.js'
import type { Partition } from '../model/partition.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import { Completion } from './completion.js'
import { TransactionalIdentity } from './identity.js'
import type { GroupMember, GroupOffset } from './offsets.js'
import { OpenTransaction } from './open-transaction.js'
import { Positions } from './positions.js'
import { always, TransactionRequests, type Wanted } from './requests.js'
import { isFencing, isForgotten, isNotMissing, missing, tookTooLong, type Verdict } from './verdicts.js'

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
  readonly scheduler: SchedulerLike
}

/**
 * The transactions of a producer, one after the other: gives a transaction its turn, has its partitions added, and commits or aborts it.
 * Also where the producer's {@link TransactionalIdentity} comes from.
 */
export class Transactions {
  readonly #path: TransactionalPath
  readonly #events$: Subject<ProducerEvent>
  readonly #requests: TransactionRequests
  readonly #identity: TransactionalIdentity
  readonly #positions: Positions
  readonly #queue = new Subject<OpenTransaction>()
  /** Those that have not ended, in the order of their turns. */
  readonly #open = new Set<OpenTransaction>()
  #begun = 0
  /** Calls of `position()` that wait. */
  #reading = 0
  /** The one whose turn it is. */
  #current: OpenTransaction | undefined
  /** Whether the current one has partitions or offsets that were added by requests. */
  #added: Standing = 'no'
  /** Whether the coordinator may still be completing the one before the current one. */
  readonly #before: Completion
  /** Whether its partitions have several leaders. */
  #isSpread = false
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
    this.#before = new Completion(options.scheduler)
    this.#events$ = events$
    this.#requests = new TransactionRequests(options, brokers, error =>
      events$.next({ kind: this.#identity.isKnown ? 'coordinatorFailed' : 'producerIdFailed', error }),
    )
    const wanted = (): boolean => this.#open.size > 0 || this.#reading > 0 || isNeeded()
    this.#identity = new TransactionalIdentity(this.#requests, events$, wanted)
    this.#positions = new Positions(options.transactionalId, this.#requests)
    life.add(
      this.#queue
        .pipe(concatMap(transaction => this.#run(transaction)))
        .subscribe({ error: error => this.#identity.fail(error) }),
    )
    life.add(() => this.#requests.close())
  }

  /** Emits the producer's identity whenever it is another one; errors when the producer can't go on. */
  get identity$(): Observable<ProducerIdAndEpoch> {
    return this.#identity.changes$
  }

  /** Whether the identity was asked for. */
  get wanted(): boolean {
    return this.#identity.isAsked
  }

  /** Acquires the producer's identity, unless it has one. */
  request(): void {
    this.#identity.initialized().catch(() => {})
  }

  /** Begins a transaction: it gathers records until it is its turn. */
  begin(): OpenTransaction {
    const transaction = new OpenTransaction(this.#begun++)
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
      await this.#identity.initialized()
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

  /**
   * Sequences of a partition restart, which needs another epoch: before the next transaction. Also of a topic that was recreated: requests that
   * name it may have come to the new one already.
   */
  bumped({ topic, index: partition }: Partition, error: Error): void {
    if (error instanceof DataLossError) this.#events$.next({ kind: 'dataLoss', topic, partition, error })
    this.#identity.lose()
    this.#current?.abort(error)
  }

  async #run(transaction: OpenTransaction): Promise<void> {
    await this.#path.hold(Promise.race([this.#identity.renewed(), transaction.until('aborting')]))
    transaction.scope.addsPartitions = !this.#requests.isVersion2
    this.#current = transaction
    this.#added = 'no'
    transaction.step('turn')
    this.#isSpread = haveSeveralLeaders(transaction.partitions)
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
      await this.#adding
      if (transaction.position !== undefined && transaction.is('flushing')) await this.#storePosition(transaction)
      if (transaction.is('flushing')) transaction.step('stored')
    } catch (error) {
      transaction.abort(error as Error)
    }
  }

  async #commit(transaction: OpenTransaction): Promise<void> {
    if (this.#standing(transaction) !== 'no') {
      const version2 = this.#isVersion2(transaction)
      const ended = await this.#tellEnd(true, version2)
      if ('code' in ended) {
        if (version2 && ended.code === ErrorCode.INVALID_TXN_STATE) transaction.refused(tookTooLong(ended.error))
        else this.#refused(transaction, ended)
        return
      }
      this.#identity.adopt(ended)
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
    const standing = this.#standing(transaction)
    if (standing === 'maybe' && version2) await this.#ascertain(transaction)
    if (standing !== 'no') {
      const ended = await this.#tellEnd(false, version2)
      if (!('code' in ended)) this.#identity.adopt(ended)
      else if (ended.code === ErrorCode.INVALID_TXN_STATE || isForgotten(ended.error)) this.#identity.lose()
      else throw ended.error
    }
    if (isForgotten(transaction.cause)) this.#identity.lose()
    if (this.#identity.isLost) await this.#identity.renewed()
    this.#events$.next({ kind: 'transactionAborted', error: transaction.cause! })
    transaction.step('ended')
  }

  #tellEnd(committed: boolean, version2: boolean): Promise<ProducerIdAndEpoch | Verdict> {
    const wanted = this.#fencedIfLate(version2, always)
    return this.#before.told(this.#requests.end(this.#identity.current, committed, version2, wanted))
  }

  /**
   * A request that was not answered may be carried out late: an EndTxn would end the next transaction, an older offset take the place of its
   * own. In another epoch it can't; with version 2 each transaction has one of its own.
   */
  #fencedIfLate(version2: boolean, wanted: Wanted): Wanted {
    return error => {
      if (!version2 && error instanceof ConnectionError) this.#identity.lose()
      return wanted(error)
    }
  }

  /**
   * Whether the coordinator knows of the transaction. If not, it must not be told of its end: it may still be completing the one before, and
   * would take the producer for another one (KIP-890).
   */
  #standing({ scope }: OpenTransaction): Standing {
    if (scope.acked > 0 || this.#added === 'yes') return 'yes'
    return scope.sent ? 'maybe' : this.#added
  }

  /**
   * Before an abort with version 2: adds what was sent by a request, which the coordinator answers once it has completed the transaction before.
   * To initialize the producer instead would abort the transaction of another one that has taken over: there, epochs are checked last.
   */
  async #ascertain({ partitions, groups }: OpenTransaction): Promise<void> {
    const [group] = groups
    const verdict =
      partitions.size > 0 || group === undefined
        ? await this.#requests.addPartitions(this.#identity.current, partitions, isNotMissing).catch(missing)
        : await this.#requests.addGroup(this.#identity.current, group, always)
    if (verdict?.fatal) throw verdict.error
  }

  #isVersion2({ scope }: OpenTransaction): boolean {
    return !scope.addsPartitions
  }

  /** Makes a partition part of the transaction, if it is its turn. */
  #include(transaction: OpenTransaction, partition: Partition): void {
    if (transaction !== this.#current || !transaction.is('open', 'flushing')) return
    if (partition.transaction === transaction.scope) return
    if (!this.#asks(transaction, partition)) {
      this.#join(transaction, partition)
      return
    }
    this.#unadded.add(partition)
    this.#adding ??= this.#add(transaction)
  }

  /**
   * Whether a partition is added by a request. With version 2 its first batch adds it. But the broker waits for 20 ms where the coordinator has
   * something in hand, be it the transaction before or what another broker adds. The coordinator itself says so at once, and adds all together.
   */
  #asks(transaction: OpenTransaction, { leader }: Partition): boolean {
    if (!this.#isVersion2(transaction) || this.#adding !== undefined) return true
    const [first] = transaction.partitions
    this.#isSpread ||= leader !== first?.leader
    const known = this.#added === 'yes' || transaction.scope.acked > 0
    return this.#isSpread || (!known && this.#before.isWorthAsking)
  }

  /** Adds partitions, one request at a time: those that come up meanwhile go into the next one. */
  async #add(transaction: OpenTransaction): Promise<void> {
    // Those that come up in one go are added together.
    await undefined
    const wanted = (): boolean => transaction.is('open', 'flushing')
    try {
      while (this.#unadded.size > 0) {
        const partitions = [...this.#unadded]
        const version2 = this.#isVersion2(transaction)
        const unlessLate = this.#fencedIfLate(version2, wanted)
        const verdict = await this.#requests.addPartitions(this.#identity.current, partitions, unlessLate)
        if (verdict !== undefined) {
          // With version 2, the end of a transaction tells whether it was open for too long, or another producer has taken over.
          const told = version2 && isFencing(verdict.code) && this.#standing(transaction) === 'yes'
          if (this.#added === 'no') this.#added = 'maybe'
          this.#refused(transaction, told ? { ...verdict, fatal: false } : verdict)
          return
        }
        this.#added = 'yes'
        for (const partition of partitions) {
          this.#unadded.delete(partition)
          this.#join(transaction, partition)
        }
      }
    } catch (error) {
      if (this.#added === 'no') this.#added = 'maybe'
      if (wanted()) this.#identity.fail(error as Error)
    } finally {
      this.#unadded.clear()
      this.#adding = undefined
    }
  }

  #join({ scope }: OpenTransaction, partition: Partition): void {
    partition.transaction = scope
    partition.sequences.adopt(this.#identity.current)
    this.#path.offer(partition)
  }

  async #commitOffsets(
    transaction: OpenTransaction,
    group: GroupMember,
    offsets: readonly GroupOffset[],
  ): Promise<void> {
    await transaction.until('open', 'flushing', 'aborting')
    if (!transaction.is('open', 'flushing')) throw transaction.scope.dropped
    const version2 = this.#isVersion2(transaction)
    const wanted = this.#fencedIfLate(version2, () => transaction.is('open', 'flushing'))
    transaction.groups.add(group.groupId)
    // What is not answered may be carried out.
    if (this.#added === 'no') this.#added = 'maybe'
    const verdict = await this.#requests.commitOffsets(this.#identity.current, group, offsets, version2, wanted)
    if (verdict === undefined) {
      this.#added = 'yes'
      return
    }
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
    if (transaction.is('flushing')) await this.sendOffsets(transaction, this.#positions.group, [offset])
  }

  /** An answer that is no success: the transaction is aborted, or the producer ends. */
  #refused(transaction: OpenTransaction, { fatal, error }: Verdict): void {
    if (fatal) this.#identity.fail(error)
    else transaction.refused(error)
  }
}

/** Whether a coordinator knows of something: `maybe` where it was not answered. */
type Standing = 'no' | 'maybe' | 'yes'

function haveSeveralLeaders(partitions: Iterable<Partition>): boolean {
  let first: number | undefined
  for (const { leader } of partitions) {
    first ??= leader
    if (leader !== first) return true
  }
  return false
}
