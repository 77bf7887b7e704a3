import { finalize, type Observable, Subject, type Subscription } from 'rxjs'
import { DataLossError } from '../../errors.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { ProducerEvent } from '../model/events.js'
import type { Partition } from '../model/partition.js'
import type { ProducerIds } from './producer-id.js'

/** Acquires producer ids: one request, shared by every partition that waits for an id. */
export class Identification {
  /** Emits every producer id that a broker gives; errors when no broker will give one. */
  readonly identity$: Observable<ProducerIdAndEpoch>
  readonly #identity = new Subject<ProducerIdAndEpoch>()
  readonly #producerIds: ProducerIds
  readonly #events$: Subject<ProducerEvent>
  readonly #isNeeded: () => boolean
  readonly #life: Subscription
  #wanted = false
  #underway = false

  /**
   * @param isNeeded whether anyone waits for the id; asked after every failure.
   * @param life ends the request when it is unsubscribed.
   */
  constructor(producerIds: ProducerIds, events$: Subject<ProducerEvent>, isNeeded: () => boolean, life: Subscription) {
    this.#producerIds = producerIds
    this.#events$ = events$
    this.#isNeeded = isNeeded
    this.#life = life
    this.identity$ = this.#identity.asObservable()
  }

  /** Whether an id was requested, or has arrived, since the last failure after which nobody needed one. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** Requests a producer id, unless a request is under way. */
  request(): void {
    this.#wanted = true
    if (this.#underway) return
    this.#underway = true
    const failed = (error: Error): boolean => {
      this.#events$.next({ kind: 'producerIdFailed', error })
      // If nobody needs it, the next record, or the next call of connect(), requests it again.
      this.#wanted = this.#isNeeded()
      return this.#wanted
    }
    this.#life.add(
      this.#producerIds
        .acquire(failed)
        .pipe(finalize(() => (this.#underway = false)))
        .subscribe({
          next: identity => {
            this.#identity.next(identity)
            this.#events$.next({ kind: 'producerId', ...identity })
          },
          error: error => this.#identity.error(error),
        }),
    )
  }

  /** The partition's sequences restart: announces it, and requests another producer id if the partition needs one. */
  bumped(partition: Partition, error: Error): void {
    const { topic, index, sequences } = partition
    if (error instanceof DataLossError) this.#events$.next({ kind: 'dataLoss', topic, partition: index, error })
    if (sequences.identity === undefined) this.request()
    const producerEpoch = sequences.identity?.producerEpoch ?? 0
    this.#events$.next({ kind: 'epochBumped', topic, partition: index, producerEpoch, error })
  }
}
