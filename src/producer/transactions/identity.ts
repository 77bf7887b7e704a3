import { type Observable, Subject } from 'rxjs'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { ProducerEvent } from '../model/events.js'
import type { TransactionRequests, Wanted } from './requests.js'

/** Id and epoch of a transactional producer: those of its transactional id, given by the coordinator. */
export class TransactionalIdentity {
  /** Emits the identity whenever it is another one; errors when the producer can't go on. */
  readonly changes$: Observable<ProducerIdAndEpoch>
  readonly #changes = new Subject<ProducerIdAndEpoch>()
  readonly #requests: Pick<TransactionRequests, 'initialize'>
  readonly #events$: Subject<ProducerEvent>
  readonly #wanted: Wanted
  #current: ProducerIdAndEpoch | undefined
  #initializing: Promise<ProducerIdAndEpoch> | undefined
  #isLost = false

  /** @param wanted whether anyone waits for it; asked after every failure. */
  constructor(requests: Pick<TransactionRequests, 'initialize'>, events$: Subject<ProducerEvent>, wanted: Wanted) {
    this.#requests = requests
    this.#events$ = events$
    this.#wanted = wanted
    this.changes$ = this.#changes.asObservable()
  }

  /** Whether it was asked for. */
  get isAsked(): boolean {
    return this.#initializing !== undefined
  }

  get isKnown(): boolean {
    return this.#current !== undefined
  }

  /** Only once it {@link isKnown}. */
  get current(): ProducerIdAndEpoch {
    return this.#current!
  }

  /** Whether there must be another one before the next transaction. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** The coordinator knows it no more, or a partition can't go on in its epoch. */
  lose(): void {
    this.#isLost = true
  }

  /** Resolves once the producer has taken the transactional id over. */
  initialized(): Promise<ProducerIdAndEpoch> {
    this.#initializing ??= this.#initialize(undefined).catch(error => {
      this.#initializing = undefined
      throw error
    })
    return this.#initializing
  }

  /** Resolves once there is one to go on with. */
  async renewed(): Promise<void> {
    await this.initialized()
    if (this.#isLost) await this.#initialize(this.#current)
  }

  /** The coordinator has given one: with transaction.version 2 at the end of each transaction. */
  adopt(identity: ProducerIdAndEpoch): void {
    const known = this.#current
    if (known?.producerId === identity.producerId && known.producerEpoch === identity.producerEpoch) return
    this.#current = identity
    this.#isLost = false
    this.#changes.next(identity)
  }

  /** The producer can't go on. */
  fail(error: Error): void {
    this.#changes.error(error)
  }

  async #initialize(known: ProducerIdAndEpoch | undefined): Promise<ProducerIdAndEpoch> {
    const answer = await this.#requests.initialize(known, this.#wanted)
    if ('code' in answer) {
      this.fail(answer.error)
      throw answer.error
    }
    this.adopt(answer)
    const { producerId, producerEpoch } = answer
    this.#events$.next({ kind: 'producerId', producerId, producerEpoch })
    return answer
  }
}
