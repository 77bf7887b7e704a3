import {
  defer,
  exhaustMap,
  filter,
  Observable,
  ReplaySubject,
  type Subscriber,
  Subscription,
  share,
  take,
  tap,
} from 'rxjs'
import { channels, traced } from '../diagnostics.js'
import { AuthenticationError, BootstrapError, UnsupportedVersionError } from '../errors.js'
import type { Api } from '../protocol/wire/api.js'
import { type Connection, type ConnectionOptions, openConnection } from '../transport/connection.js'
import { type Destination, formatAddress } from '../transport/transport.js'
import type { Bootstrap } from './bootstrap.js'

/** A broker that has not answered after so long is not waited for alone: ms, or three of the last round trips if these are longer. */
const HEDGE_MS = 250
const LONGEST_HEDGE_MS = 1_000
/** In errors, what a failure of the option `brokers` is listed under. */
const BOOTSTRAP = 'brokers()'

/** One address, and the connection to it. */
interface Candidate {
  readonly name: string
  /** As it was listed last: why it cannot be reached may have changed. */
  address: Destination
  /** Opened by the first subscriber, shared by all, and closed by the last one. */
  readonly connection$: Observable<Connection>
  /** Keeps the connection of one that has answered. */
  held: Subscription
  /** When it was of no use last, in turns; 0: it has been of use since. */
  uselessAt: number
}

/**
 * Sends requests that any broker can answer. If the first broker has not answered after a fraction of a second, the next one is asked as
 * well, and so on (as RFC 8305 tries addresses); after a failure, the next one is asked at once. The first response counts. Once all have
 * failed, the bootstrap list is read again: it may be a function, and lead to other brokers by now.
 */
export class ControlConnections {
  readonly #options: ConnectionOptions
  readonly #known: () => Iterable<Destination>
  readonly #bootstrap: Bootstrap
  readonly #candidates = new Map<string, Candidate>()
  #hedgeMs = HEDGE_MS
  #turn = 0
  /** The broker that answered last. */
  #last: Candidate | undefined

  /** @param known the brokers in metadata: tried together with the bootstrap list. */
  constructor(options: ConnectionOptions, known: () => Iterable<Destination>, bootstrap: Bootstrap) {
    this.#options = options
    this.#known = known
    this.#bootstrap = bootstrap
  }

  /**
   * Sends a request on subscription, and emits the first response.
   *
   * Errors when every address has failed: with an AuthenticationError if one of them refuses this client or is not trusted, with an
   * UnsupportedVersionError if none of them supports the required versions, else with a BootstrapError.
   */
  request<Q, S>(api: Api<Q, S>, request: Q): Observable<S> {
    return new Observable(subscriber => this.#race(api, request, subscriber))
  }

  /** The addresses have changed: connections to others close once every request on them is answered. */
  addressed(): void {
    const names = new Set(this.#addresses.map(formatAddress))
    for (const [name, { held }] of this.#candidates) {
      if (names.has(name)) continue
      held.unsubscribe()
      this.#candidates.delete(name)
    }
  }

  /** What was answered last was of no use: the next request goes to another broker, if there is one. */
  lookElsewhere(): void {
    if (this.#last !== undefined) this.#last.uselessAt = ++this.#turn
  }

  /** Closes every connection once nothing on it is unanswered: the same address may lead to another broker now. */
  startOver(): void {
    this.close()
    this.#candidates.clear()
  }

  close(): void {
    for (const { held } of this.#candidates.values()) held.unsubscribe()
  }

  get #addresses(): Destination[] {
    return [...this.#known(), ...this.#bootstrap.addresses]
  }

  #race<Q, S>(api: Api<Q, S>, request: Q, subscriber: Subscriber<S>): void {
    const { scheduler } = this.#options
    const failures = new Map<string, Error>()
    const running = new Set<Candidate>()
    const waiting = this.#inOrder()
    let hedge = Subscription.EMPTY
    let listRead = false
    const allFailed = (): void => {
      if (listRead) {
        subscriber.error(failure(failures))
        return
      }
      listRead = true
      subscriber.add(
        this.#bootstrap.list$.subscribe({
          next: () => {
            this.addressed()
            waiting.push(...this.#inOrder().filter(({ name }) => !failures.has(name)))
            next()
          },
          error: error => {
            failures.set(BOOTSTRAP, error)
            next()
          },
        }),
      )
    }
    const next = (): void => {
      hedge.unsubscribe()
      const candidate = waiting.shift()
      if (candidate === undefined) {
        if (running.size === 0) allFailed()
        return
      }
      running.add(candidate)
      if (waiting.length > 0) {
        hedge = scheduler.schedule(next, this.#hedgeMs)
        subscriber.add(hedge)
      }
      subscriber.add(
        this.#ask(candidate, api, request).subscribe({
          next: answer => {
            running.delete(candidate)
            this.#answered(candidate)
            for (const slow of running) this.#useless(slow)
            subscriber.next(answer)
            subscriber.complete()
          },
          error: error => {
            running.delete(candidate)
            failures.set(candidate.name, error)
            this.#useless(candidate)
            next()
          },
        }),
      )
    }
    next()
  }

  #ask<Q, S>({ connection$ }: Candidate, api: Api<Q, S>, request: Q): Observable<S> {
    const { scheduler } = this.#options
    const asked = (connection: Connection): Observable<S> => {
      const sent = scheduler.now()
      return connection.request(api, request).pipe(
        tap(() => {
          this.#hedgeMs = Math.min(Math.max(HEDGE_MS, 3 * (scheduler.now() - sent)), LONGEST_HEDGE_MS)
        }),
      )
    }
    return connection$.pipe(
      // During a re-authentication the connection is not writable; afterwards it is emitted again.
      filter(connection => connection.writable),
      exhaustMap(asked),
      // Not before: the connection lasts as long as this is subscribed to it.
      take(1),
    )
  }

  #answered(candidate: Candidate): void {
    this.#last = candidate
    candidate.uselessAt = 0
    if (!candidate.held.closed || this.#candidates.get(candidate.name) !== candidate) return
    candidate.held = candidate.connection$.subscribe({ error: () => {} })
  }

  /** It did not answer, or not in time. */
  #useless(candidate: Candidate): void {
    candidate.uselessAt = ++this.#turn
    candidate.held.unsubscribe()
  }

  /** Those that were of use first, connected ones before others; in random order, so that a fleet does not fall on one. */
  #inOrder(): Candidate[] {
    const candidates: Candidate[] = []
    // An address may be listed more than once. The bootstrap list comes last, and holds: it led to the cluster.
    const addresses = new Map(this.#addresses.map(address => [formatAddress(address), address]))
    for (const name of shuffled([...addresses.keys()], this.#options.random)) {
      const address = addresses.get(name)!
      const candidate = this.#candidates.get(name) ?? this.#candidate(name, address)
      candidate.address = address
      this.#candidates.set(name, candidate)
      candidates.push(candidate)
    }
    const rank = ({ held }: Candidate): number => (held.closed ? 1 : 0)
    return candidates.sort((a, b) => a.uselessAt - b.uselessAt || rank(a) - rank(b))
  }

  #candidate(name: string, address: Destination): Candidate {
    const connection$ = defer(() => this.#open(candidate.address)).pipe(
      share({ connector: () => new ReplaySubject(1) }),
    )
    const candidate: Candidate = { name, address, connection$, held: Subscription.EMPTY, uselessAt: 0 }
    return candidate
  }

  #open(address: Destination): Observable<Connection> {
    const { clientId } = this.#options
    const message = { clientId, address: formatAddress(address), nodeId: undefined }
    return traced(channels.connection, openConnection(address, this.#options), () => message)
  }
}

/** What it comes to when every address has failed. */
function failure(failures: ReadonlyMap<string, Error>): Error {
  const errors = [...failures.values()]
  // A broker that is down may return; one that refuses will refuse again.
  const refused = errors.find(error => error instanceof AuthenticationError)
  if (refused !== undefined) return refused
  return errors.every(error => error instanceof UnsupportedVersionError) ? errors[0]! : new BootstrapError(failures)
}

/** Fisher and Yates. */
function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const result = [...values]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const value = result[i]!
    result[i] = result[j]!
    result[j] = value
  }
  return result
}
