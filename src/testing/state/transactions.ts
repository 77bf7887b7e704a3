import { type SchedulerLike, Subscription } from 'rxjs'
import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import { type Participant, type Protocol, Transaction } from './transaction.js'

/** What the coordinator needs of its cluster. */
export interface TransactionHost {
  readonly scheduler: SchedulerLike
  /** The nodes that are up, in order. */
  readonly nodes: readonly number[]
  readonly options: {
    readonly transactionVersion: 0 | 1 | 2
    readonly markerDelayMs: number
    readonly coordinatorLoadMs: number
  }
  now(): number
  nextProducerId(): bigint
  /** Writes the markers of a transaction that has been prepared. */
  endTransaction(transaction: Transaction, coordinatorEpoch: number): void
  /** The state of a transaction changed. */
  transactionChanged(transactionalId: string, transaction: Transaction, node: number): void
}

/** The coordinator of one transactional id, and what it knows. */
interface Coordinated {
  readonly transactionalId: string
  /** Undefined until a producer is initialized. */
  transaction: Transaction | undefined
  /** -1: no node is up. */
  node: number
  /** Counts the moves: markers carry it. */
  epoch: number
  /** Whether the coordinator has loaded the state. */
  loaded: boolean
  /** Until the state is loaded, the transaction has taken too long, or its markers are written. */
  timer: Subscription
  /** How long after the EndTxn in hand its markers are written; undefined: as the options say. */
  markerDelayMs: number | undefined
}

/** `transaction.max.timeout.ms` */
const MAX_TIMEOUT_MS = 900_000

/** As an answer to InitProducerId or EndTxn. */
export interface Answer extends ProducerIdAndEpoch {
  readonly errorCode: number
}

/**
 * The transaction coordinators: one node a transactional id, which can move. What a node has prepared, another one completes when
 * it has loaded the state. Kafka looks for transactions that took too long every ten seconds; here they end on time.
 */
export class Transactions {
  readonly #host: TransactionHost
  readonly #all = new Map<string, Coordinated>()

  constructor(host: TransactionHost) {
    this.#host = host
  }

  /** The node that coordinates the id; -1: none is up. */
  coordinator(transactionalId: string): number {
    return this.#of(transactionalId).node
  }

  /** Undefined until a producer is initialized. */
  get(transactionalId: string): Transaction | undefined {
    return this.#all.get(transactionalId)?.transaction
  }

  /** Another node takes over, and loads what is known. */
  move(transactionalId: string, node: number): void {
    this.#move(this.#of(transactionalId), node)
  }

  /** Its ids move to the nodes that are left. */
  nodeStopped(node: number): void {
    for (const one of this.#all.values()) if (one.node === node) this.#move(one, this.#choose(one.transactionalId))
  }

  /** It takes the ids that nobody coordinates. */
  nodeStarted(): void {
    for (const one of this.#all.values()) if (one.node === -1) this.#move(one, this.#choose(one.transactionalId))
  }

  /** The next EndTxn of this id has its markers written so much later. */
  delayMarkers(transactionalId: string, ms: number): void {
    this.#of(transactionalId).markerDelayMs = ms
  }

  init(node: number, transactionalId: string, known: ProducerIdAndEpoch | undefined, timeoutMs: number): Answer {
    if (transactionalId === '') return refused(ErrorCode.INVALID_REQUEST)
    if (timeoutMs <= 0 || timeoutMs > MAX_TIMEOUT_MS) return refused(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    const one = this.#of(transactionalId)
    const unavailable = unavailability(one, node)
    if (unavailable !== ErrorCode.NONE) return refused(unavailable)
    one.transaction ??= new Transaction(() => this.#host.nextProducerId())
    const { transaction } = one
    if (transaction.isOngoing && transaction.mayInit(known)) {
      this.#fence(one, transaction)
      return refused(ErrorCode.CONCURRENT_TRANSACTIONS)
    }
    const errorCode = transaction.init(known, timeoutMs)
    if (errorCode !== ErrorCode.NONE) return refused(errorCode)
    this.#changed(one, transaction)
    const { producerId, producerEpoch } = transaction
    return { errorCode, producerId, producerEpoch }
  }

  add(node: number, transactionalId: string, who: ProducerIdAndEpoch, participants: readonly Participant[]): number {
    return this.#add(node, transactionalId, who, participants)
  }

  /** Another broker adds what it appends to (KIP-890). At level 0 Kafka can't store that. */
  addFor(transactionalId: string, who: ProducerIdAndEpoch, participant: Participant): number {
    if (this.#host.options.transactionVersion === 0) return ErrorCode.UNSUPPORTED_VERSION
    return this.#add(undefined, transactionalId, who, [participant])
  }

  #add(
    node: number | undefined,
    transactionalId: string,
    who: ProducerIdAndEpoch,
    participants: readonly Participant[],
  ): number {
    return this.#ask(node, transactionalId, (transaction, one) => {
      const wasOngoing = transaction.isOngoing
      const errorCode = transaction.add(who, participants, this.#host.now())
      if (errorCode === ErrorCode.NONE && !wasOngoing) {
        this.#limit(one, transaction)
        this.#changed(one, transaction)
      }
      return errorCode
    })
  }

  /** Another broker asks whether it may append (KIP-890). */
  verify(transactionalId: string, who: ProducerIdAndEpoch, participant: Participant): number {
    return this.#ask(undefined, transactionalId, transaction => transaction.verify(who, participant))
  }

  end(node: number, transactionalId: string, who: ProducerIdAndEpoch, committed: boolean, protocol: Protocol): Answer {
    const unsupported = protocol === 'epoch bump' && this.#host.options.transactionVersion === 0
    const errorCode = this.#ask(node, transactionalId, (transaction, one) => {
      if (unsupported) return ErrorCode.UNSUPPORTED_VERSION
      const code = transaction.end(who, committed, protocol)
      if (code === ErrorCode.NONE && transaction.isPrepared) this.#prepared(one, transaction)
      return code
    })
    this.#of(transactionalId).markerDelayMs = undefined
    const transaction = this.get(transactionalId)
    if (errorCode !== ErrorCode.NONE || transaction === undefined) return refused(errorCode)
    return { errorCode, ...transaction.nextIdentity }
  }

  /** Ends every timer. */
  stop(): void {
    for (const { timer } of this.#all.values()) timer.unsubscribe()
  }

  /** @param node the node that was asked; undefined: another broker asks, which knows where the coordinator is. */
  #ask(
    node: number | undefined,
    transactionalId: string,
    request: (transaction: Transaction, one: Coordinated) => number,
  ): number {
    if (transactionalId === '') return ErrorCode.INVALID_REQUEST
    const one = this.#of(transactionalId)
    const unavailable = unavailability(one, node)
    if (unavailable !== ErrorCode.NONE) return unavailable
    return one.transaction === undefined ? ErrorCode.INVALID_PRODUCER_ID_MAPPING : request(one.transaction, one)
  }

  #of(transactionalId: string): Coordinated {
    let one = this.#all.get(transactionalId)
    if (one === undefined) {
      const node = this.#choose(transactionalId)
      const timer = Subscription.EMPTY
      one = { transactionalId, transaction: undefined, node, epoch: 0, loaded: true, timer, markerDelayMs: undefined }
      this.#all.set(transactionalId, one)
    }
    return one
  }

  /** Always the same one for an id, as long as the same nodes are up. */
  #choose(transactionalId: string): number {
    const { nodes } = this.#host
    let hash = 0
    for (const letter of transactionalId) hash = (hash * 31 + letter.codePointAt(0)!) % 1_000_003
    return nodes[hash % nodes.length] ?? -1
  }

  #move(one: Coordinated, node: number): void {
    one.timer.unsubscribe()
    one.node = node
    one.epoch++
    one.loaded = false
    const { coordinatorLoadMs } = this.#host.options
    if (node === -1) return
    if (coordinatorLoadMs === 0) this.#load(one)
    else one.timer = this.#host.scheduler.schedule(() => this.#load(one), coordinatorLoadMs)
  }

  /** The node goes on where the one before it stopped. */
  #load(one: Coordinated): void {
    one.loaded = true
    const { transaction } = one
    if (transaction?.isOngoing) this.#limit(one, transaction)
    else if (transaction?.isPrepared) this.#writeMarkers(one, transaction)
  }

  /** KIP-98: a transaction may take as long as its producer said. */
  #limit(one: Coordinated, transaction: Transaction): void {
    const left = Math.max(0, transaction.startedAt + transaction.timeoutMs - this.#host.now())
    one.timer = this.#host.scheduler.schedule(() => this.#fence(one, transaction), left)
  }

  #fence(one: Coordinated, transaction: Transaction): void {
    transaction.fence(this.#host.options.transactionVersion === 2 ? 'epoch bump' : 'classic')
    this.#prepared(one, transaction)
  }

  #prepared(one: Coordinated, transaction: Transaction): void {
    one.timer.unsubscribe()
    this.#changed(one, transaction)
    this.#writeMarkers(one, transaction)
  }

  #writeMarkers(one: Coordinated, transaction: Transaction): void {
    const delayMs = one.markerDelayMs ?? this.#host.options.markerDelayMs
    const write = (): void => {
      this.#host.endTransaction(transaction, one.epoch)
      transaction.complete()
      this.#changed(one, transaction)
    }
    if (delayMs === 0) write()
    else one.timer = this.#host.scheduler.schedule(write, delayMs)
  }

  #changed({ transactionalId, node }: Coordinated, transaction: Transaction): void {
    this.#host.transactionChanged(transactionalId, transaction, node)
  }
}

/** Why this node can't answer for the id. */
function unavailability({ node: coordinator, loaded }: Coordinated, node: number | undefined): number {
  if (node === undefined && coordinator === -1) return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (node !== undefined && coordinator !== node) return ErrorCode.NOT_COORDINATOR
  return loaded ? ErrorCode.NONE : ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
}

function refused(errorCode: number): Answer {
  return { errorCode, producerId: -1n, producerEpoch: -1 }
}
