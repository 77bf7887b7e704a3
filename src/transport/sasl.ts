import {
  catchError,
  defer,
  EMPTY,
  expand,
  finalize,
  from,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  switchMap,
  throwError,
  timer,
} from 'rxjs'
import { AuthenticationError, BrokerError, ConnectionError, describe, KafkaError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { saslAuthenticate } from '../protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../protocol/messages/sasl-handshake.js'
import type { Api } from '../protocol/wire/api.js'
import type { Peer, SaslExchange, SaslLogin, SaslMechanism } from './mechanism.js'
import type { Address } from './transport.js'

/** What an authentication needs of a connection. */
interface Authenticating {
  readonly name: string
  readonly address: Address
  /** Nothing but the authentication may be sent from here on. */
  suspend(): void
  request<Q, S>(api: Api<Q, S>, request: Q): Observable<S>
}

interface SessionOptions {
  readonly scheduler: SchedulerLike
  readonly random: () => number
}

/** Brokers close a connection that is authenticated anew within a second (SaslServerAuthenticator), whatever session they grant. */
const MIN_RENEWAL_MS = 1_000

/** The shortest pause between two tries to get a token. */
const TOKEN_RETRY_MS = 500

/**
 * Emits when the connection is authenticated, and again after every re-authentication, which precedes the end of the session that the
 * broker granted (KIP-368). Errors with an {@link AuthenticationError} when the broker refuses the first authentication. When a later one
 * fails, only this connection ends: the next connection shows whether the refusal is final.
 */
export function sessions(connection: Authenticating, login: SaslLogin, options: SessionOptions): Observable<unknown> {
  const { scheduler, random } = options
  /** @param end of the session that stands, if one does: until then, credentials that can't be had are asked for again. */
  const authenticated = (end?: number): Observable<Session> =>
    defer(() => {
      const controller = new AbortController()
      const peer = { ...connection.address, signal: controller.signal }
      const begun$ = begin(login, peer)
      return (end === undefined ? begun$ : begun$.pipe(retryUntil(end, scheduler))).pipe(
        switchMap(begun => authenticate(connection, begun, scheduler)),
        finalize(() => controller.abort(new ConnectionError(`the authentication at ${connection.name} has ended`))),
      )
    })
  return authenticated().pipe(
    expand(({ since, lifetimeMs }) => {
      if (lifetimeMs <= 0) return EMPTY
      const now = scheduler.now()
      // As Java's client: early enough for the round trip, and not all connections at once.
      const due = Math.max(since + lifetimeMs * (0.85 + 0.1 * random()), now + MIN_RENEWAL_MS)
      return timer(due - now, scheduler).pipe(
        switchMap(() => authenticated(since + lifetimeMs)),
        catchError(cause => {
          const message = `the session at ${connection.name} could not be renewed: ${describe(cause)}`
          throw new ConnectionError(message, { cause })
        }),
      )
    }),
  )
}

interface Session {
  /** When the last token was sent: the broker counts from when that came, not from when its answer is here. */
  readonly since: number
  /** 0: for ever. */
  readonly lifetimeMs: number
}

/** An authentication that can begin: there are credentials. */
interface Begun {
  readonly mechanism: string
  readonly exchange: SaslExchange
}

/**
 * Authenticates once.
 *
 * Requests that were sent before may still be in flight: a broker answers them before it reads the handshake. From the handshake to the
 * end it accepts only tokens, and closes the connection at anything else.
 */
function authenticate(
  connection: Authenticating,
  { mechanism, exchange }: Begun,
  scheduler: SchedulerLike,
): Observable<Session> {
  const refuse = (errorCode: number, detail?: string | null): never => {
    throw refusal(connection.name, mechanism, errorCode, detail)
  }
  const next = (challenge: Buffer): Observable<Buffer | undefined> =>
    settled(() => exchange.next(challenge)).pipe(
      catchError(cause => {
        const message = `the ${mechanism} authentication at ${connection.name} failed: ${describe(cause)}`
        // What is no error of ours was not foreseen, and the next attempt may do better.
        throw cause instanceof AuthenticationError
          ? new AuthenticationError(message, { cause })
          : new ConnectionError(message, { cause })
      }),
    )
  const say = (authBytes: Buffer): Observable<Session> => {
    const since = scheduler.now()
    return connection.request(saslAuthenticate, { authBytes }).pipe(
      switchMap(answer => {
        if (answer.errorCode === ErrorCode.SASL_AUTHENTICATION_FAILED && exchange.refused?.() === true) {
          const cause = new BrokerError(brokerError(answer.errorCode), answer.errorMessage)
          const what = `the broker at ${connection.name} refused ${mechanism} credentials that it took before`
          throw new ConnectionError(`${what}; new ones are fetched: ${cause.message}`, { cause })
        }
        if (answer.errorCode !== ErrorCode.NONE) refuse(answer.errorCode, answer.errorMessage)
        return next(answer.authBytes).pipe(
          switchMap(token => {
            if (token !== undefined) return say(token)
            const limits = [Number(answer.sessionLifetimeMs), exchange.lifetimeMs ?? 0].filter(ms => ms > 0)
            return of({ since, lifetimeMs: limits.length === 0 ? 0 : Math.min(...limits) })
          }),
        )
      }),
    )
  }
  connection.suspend()
  return connection.request(saslHandshake, { mechanism }).pipe(
    switchMap(({ errorCode, mechanisms }) => {
      if (errorCode !== ErrorCode.NONE) refuse(errorCode, `it offers ${mechanisms.join(', ') || 'none'}`)
      return say(exchange.first())
    }),
  )
}

/** Credentials may have to be fetched; until they are there, the connection goes on as it is. */
function begin(login: SaslLogin, peer: Peer): Observable<Begun> {
  return settled(() => (typeof login === 'function' ? login(peer) : login)).pipe(
    switchMap((mechanism: SaslMechanism) =>
      settled(() => mechanism.begin(peer)).pipe(switchMap(exchange => of({ mechanism: mechanism.name, exchange }))),
    ),
    catchError(cause => {
      if (cause instanceof KafkaError) throw cause
      throw new ConnectionError(`no credentials (option \`sasl\`): ${describe(cause)}`, { cause })
    }),
  )
}

/** Emits at once what is there at once. */
function settled<T>(get: () => T | Promise<T>): Observable<T> {
  return defer(() => {
    const value = get()
    return value instanceof Promise ? from(value) : of(value)
  })
}

/** Tries again while the session stands: a few times if that is long, more often towards its end. */
function retryUntil<T>(end: number, scheduler: SchedulerLike): MonoTypeOperatorFunction<T> {
  const again = (error: Error): Observable<unknown> => {
    const left = end - scheduler.now()
    const pause = Math.max(TOKEN_RETRY_MS, left / 10)
    return pause < left && !(error instanceof AuthenticationError) ? timer(pause, scheduler) : throwError(() => error)
  }
  return retry({ delay: again })
}

/** What the broker's code means: codes that say "not you" are final, others may pass. */
function refusal(name: string, mechanism: string, errorCode: number, detail?: string | null): Error {
  const cause = new BrokerError(brokerError(errorCode), detail)
  const options = { cause }
  switch (errorCode) {
    case ErrorCode.SASL_AUTHENTICATION_FAILED:
      return new AuthenticationError(
        `the broker at ${name} refused the ${mechanism} credentials: ${cause.message}`,
        options,
      )
    case ErrorCode.UNSUPPORTED_SASL_MECHANISM:
      return new AuthenticationError(`the broker at ${name} does not offer ${mechanism}: ${cause.message}`, options)
    case ErrorCode.ILLEGAL_SASL_STATE:
      return new AuthenticationError(
        `the listener at ${name} does not authenticate by SASL (option \`sasl\`): ${cause.message}`,
        options,
      )
    default:
      return new ConnectionError(`the authentication at ${name} failed: ${cause.message}`, options)
  }
}
