import {
  defer,
  exhaustMap,
  filter,
  map,
  type Observable,
  of,
  ReplaySubject,
  retry,
  Subscription,
  share,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs'
import { BrokerError, ConnectionError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { type Coordinator as Found, findCoordinator } from '../protocol/messages/find-coordinator.js'
import type { Api } from '../protocol/wire/api.js'
import type { Connection, ConnectionOptions } from '../transport/connection.js'
import type { Address } from '../transport/transport.js'
import { type BackoffOptions, backoffMs, concurrentBackoff } from './backoff.js'

/** A request to a coordinator. */
export interface CoordinatorCall<Q, S> {
  readonly api: Api<Q, S>
  readonly request: Q
  /** The error codes of an answer: one, or one for each partition. */
  readonly codes: (answer: S) => readonly number[]
  /** Asked after every failure: whether to send it again. */
  readonly wanted: (error: unknown) => boolean
}

export interface CoordinatorOptions extends ConnectionOptions, BackoffOptions {
  /** Called with every failure after which the request is sent again. */
  readonly failed?: (error: Error) => void
}

/** With these codes, another broker is the coordinator by now. */
const MOVED: readonly number[] = [ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE]

/**
 * The broker that coordinates a group or a transactional id. It is found when there is something to ask, and again whenever it has moved;
 * its connection carries nothing else, so that a commit never waits behind record batches.
 */
export class Coordinator {
  readonly #key: string
  readonly #keyType: number
  readonly #options: CoordinatorOptions
  readonly #ask: <Q, S>(api: Api<Q, S>, request: Q) => Observable<S>
  readonly #open: (nodeId: number, address: Address) => Observable<Connection>
  #connection$: Observable<Connection> | undefined
  /** Keeps the connection between requests. */
  #held = Subscription.EMPTY
  #transactionVersion = 0

  /**
   * @param keyType a `CoordinatorType`.
   * @param ask sends a request that any broker can answer.
   * @param open opens a connection to a node.
   */
  constructor(
    key: string,
    keyType: number,
    options: CoordinatorOptions,
    ask: <Q, S>(api: Api<Q, S>, request: Q) => Observable<S>,
    open: (nodeId: number, address: Address) => Observable<Connection>,
  ) {
    this.#key = key
    this.#keyType = keyType
    this.#options = options
    this.#ask = ask
    this.#open = open
  }

  /** The feature `transaction.version` of the cluster, as the coordinator said last (KIP-890); 0 before it was asked anything. */
  get transactionVersion(): number {
    return this.#transactionVersion
  }

  /**
   * Sends a request on subscription, and again with back-off while the coordinator cannot be found or reached, or says "not yet". Emits
   * the first answer that is no such error; it may be another one. Errors when no coordinator will be found, as without
   * authorization, and with the last failure when it is not wanted any more.
   */
  request<Q, S>({ api, request, codes, wanted }: CoordinatorCall<Q, S>): Observable<S> {
    return defer(() => this.#connected()).pipe(
      // During a re-authentication the connection is not writable; afterwards it is emitted again.
      filter(connection => connection.writable),
      exhaustMap(connection => connection.request(api, request)),
      take(1),
      map(answer => {
        const passing = codes(answer).find(code => brokerError(code).retriable)
        if (passing !== undefined) throw new BrokerError(brokerError(passing))
        return answer
      }),
      retry({ delay: (error, failures) => this.#again(error, failures, wanted) }),
    )
  }

  /** Closes the connection once nothing on it is unanswered. */
  close(): void {
    this.#forget()
  }

  #again(error: unknown, failures: number, wanted: CoordinatorCall<never, never>['wanted']): Observable<unknown> {
    const { scheduler, failed } = this.#options
    const answered = error instanceof BrokerError
    if (!(error instanceof ConnectionError || (answered && error.retriable))) return throwError(() => error)
    if (!answered || MOVED.includes(error.code)) this.#forget()
    // That is no failure: it comes after most transactions.
    const soon = answered && error.code === ErrorCode.CONCURRENT_TRANSACTIONS
    if (!soon) failed?.(error)
    if (!wanted(error)) return throwError(() => error)
    return timer(backoffMs(failures, soon ? concurrentBackoff(this.#options) : this.#options), scheduler)
  }

  #connected(): Observable<Connection> {
    if (this.#connection$ !== undefined) return this.#connection$
    return this.#find().pipe(switchMap(({ nodeId, host, port }) => this.#connect(nodeId, { host, port })))
  }

  #find(): Observable<Found> {
    // Each version reads its own fields.
    const request = { key: this.#key, keyType: this.#keyType, coordinatorKeys: [this.#key] }
    return this.#ask(findCoordinator, request).pipe(
      map(answer => answer.coordinators[0] ?? { ...answer, key: this.#key }),
      switchMap(found =>
        found.errorCode === ErrorCode.NONE
          ? of(found)
          : throwError(() => new BrokerError(brokerError(found.errorCode), found.errorMessage)),
      ),
    )
  }

  #connect(nodeId: number, address: Address): Observable<Connection> {
    this.#forget()
    const connection$ = this.#open(nodeId, address).pipe(share({ connector: () => new ReplaySubject(1) }))
    this.#connection$ = connection$
    this.#held = connection$.subscribe({
      next: connection => {
        this.#transactionVersion = connection.feature('transaction.version')
      },
      error: () => {
        if (this.#connection$ === connection$) this.#connection$ = undefined
      },
    })
    return connection$
  }

  #forget(): void {
    this.#connection$ = undefined
    this.#held.unsubscribe()
  }
}
