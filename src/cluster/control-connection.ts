import {
  catchError,
  defer,
  filter,
  type Observable,
  ReplaySubject,
  type Subscription,
  switchMap,
  take,
  tap,
  throwError,
} from 'rxjs'
import { AuthenticationError, BootstrapError } from '../errors.js'
import type { Api } from '../protocol/api.js'
import { type Connection, type ConnectionOptions, openConnection } from '../transport/connection.js'
import { type Address, formatAddress } from '../transport/transport.js'

/** One connection to whichever broker can be reached, for requests that any of them can answer. */
export class ControlConnection {
  readonly #options: ConnectionOptions
  readonly #candidates: () => readonly Address[]
  #current: Observable<Connection> | undefined
  #life: Subscription | undefined
  /** Moves on with every connection that is made, so that a broker that hangs is not asked for ever. */
  #turn = 0

  /** @param candidates where to try, best first. */
  constructor(options: ConnectionOptions, candidates: () => readonly Address[]) {
    this.#options = options
    this.#candidates = candidates
  }

  /**
   * Sends a request when subscribed to, over a connection that is made if there is none.
   * Errors with a BootstrapError when no broker can be reached, with an AuthenticationError when those that can be do not
   * accept this client or are not trusted, or with what ended the connection.
   */
  request<Q, S>(api: Api<Q, S>, request: Q): Observable<S> {
    return defer(() => this.#open()).pipe(
      // During a re-authentication it emits no connection that is writable, and then does.
      filter(connection => connection.writable),
      take(1),
      switchMap(connection => connection.request(api, request)),
    )
  }

  close(): void {
    this.#life?.unsubscribe()
  }

  #open(): Observable<Connection> {
    if (this.#current !== undefined) return this.#current
    const current = new ReplaySubject<Connection>(1)
    this.#current = current
    this.#life = firstReachable(this.#inTurn(), this.#options).subscribe({
      next: connection => current.next(connection),
      error: error => {
        this.#current = undefined
        current.error(error)
      },
    })
    return current
  }

  #inTurn(): Address[] {
    const byName = new Map(this.#candidates().map(address => [formatAddress(address), address]))
    const addresses = [...byName.values()]
    const first = this.#turn++ % addresses.length
    return [...addresses.slice(first), ...addresses.slice(0, first)]
  }
}

/** Tries one address after the other; a connection that stood and ended is an error and not a reason to try the next. */
function firstReachable(addresses: readonly Address[], options: ConnectionOptions): Observable<Connection> {
  const failures = new Map<string, Error>()
  const attempt = (index: number): Observable<Connection> => {
    const address = addresses[index]
    if (address === undefined) {
      // A broker that is down may come back; one that says no goes on to say so.
      const refused = [...failures.values()].find(error => error instanceof AuthenticationError)
      return throwError(() => refused ?? new BootstrapError(failures))
    }
    let stood = false
    return openConnection(address, options).pipe(
      tap(() => {
        stood = true
      }),
      catchError(error => {
        if (stood) throw error
        failures.set(formatAddress(address), error)
        return attempt(index + 1)
      }),
    )
  }
  return attempt(0)
}
