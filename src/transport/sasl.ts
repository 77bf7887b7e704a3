import {
  catchError,
  defer,
  EMPTY,
  expand,
  from,
  type Observable,
  of,
  retry,
  type SchedulerLike,
  switchMap,
  throwError,
  timer,
} from 'rxjs'
import { AuthenticationError, BrokerError, ConnectionError, describe, printable } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import { saslAuthenticate } from '../protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../protocol/messages/sasl-handshake.js'
import type { Api } from '../protocol/wire/api.js'

/** A client's identity, and how it authenticates. */
export interface SaslMechanism {
  /** As Kafka spells it: `SCRAM-SHA-256`. */
  readonly name: string
  /** What it sends lets whoever reads it log in as well. */
  readonly bare?: true
  /** Called for every authentication, and again for those that follow on the same connection. */
  begin(): SaslExchange | Promise<SaslExchange>
}

/** One authentication: what is said, token by token. */
export interface SaslExchange {
  first(): Buffer
  /**
   * Returns the answer to a token of the broker; undefined after the last one.
   *
   * @throws {AuthenticationError} when the broker's token is not valid.
   */
  next(challenge: Buffer): Buffer | undefined
}

export function plain(username: string, password: string): SaslMechanism {
  return {
    name: 'PLAIN',
    bare: true,
    begin: () => ({ first: () => Buffer.from(`\0${username}\0${password}`), next: () => undefined }),
  }
}

/** @param token called for every authentication: a token that is about to expire is not to be given again. */
export function oauthbearer(token: () => string | Promise<string>): SaslMechanism {
  return {
    name: 'OAUTHBEARER',
    bare: true,
    async begin(): Promise<SaslExchange> {
      const bearer: unknown = await token()
      const flaw = flawOf(bearer)
      // The next attempt would fail in the same way.
      if (flaw !== undefined) throw new AuthenticationError(`option \`sasl.token\` gave no token, but ${flaw}`)
      let told = false
      return {
        first: () => Buffer.from(`n,,\x01auth=Bearer ${bearer}\x01\x01`),
        next: challenge => {
          if (challenge.length === 0) return undefined
          // The reason of a refusal, as JSON. The broker reports it as a Kafka error once this is confirmed.
          if (told) throw new AuthenticationError(`the broker refused the token: ${printable(challenge.toString())}`)
          told = true
          return Buffer.from('\x01')
        },
      }
    },
  }
}

/** Why it can be no token; never what it is. */
function flawOf(bearer: unknown): string | undefined {
  if (typeof bearer !== 'string') return bearer === null ? 'null' : `a value of type ${typeof bearer}`
  if (bearer === '') return 'an empty string'
  if (/^[\x20-\x7e]+\s+$/.test(bearer)) return 'a string with a line break at its end: trim() what comes from a file'
  // Control characters end the fields of the message (RFC 7628).
  return /^[\x20-\x7e]+$/.test(bearer) ? undefined : 'a string with characters that no token has'
}

/** What an authentication needs of a connection. */
interface Authenticating {
  readonly name: string
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
export function sessions(
  connection: Authenticating,
  mechanism: SaslMechanism,
  options: SessionOptions,
): Observable<unknown> {
  const { scheduler, random } = options
  const authenticated = (exchange: SaslExchange): Observable<Session> =>
    authenticate(connection, mechanism.name, exchange, scheduler)
  return begin(mechanism).pipe(
    switchMap(authenticated),
    expand(({ since, lifetimeMs }) => {
      if (lifetimeMs <= 0) return EMPTY
      const now = scheduler.now()
      // As Java's client: early enough for the round trip, and not all connections at once.
      const due = Math.max(since + lifetimeMs * (0.85 + 0.1 * random()), now + MIN_RENEWAL_MS)
      return timer(due - now, scheduler).pipe(
        switchMap(() => beginUntil(since + lifetimeMs, mechanism, scheduler)),
        switchMap(authenticated),
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

/**
 * Authenticates once.
 *
 * Requests that were sent before may still be in flight: a broker answers them before it reads the handshake. From the handshake to the
 * end it accepts only tokens, and closes the connection at anything else.
 */
function authenticate(
  connection: Authenticating,
  mechanism: string,
  exchange: SaslExchange,
  scheduler: SchedulerLike,
): Observable<Session> {
  const refuse = (errorCode: number, detail?: string | null): never => {
    throw refusal(connection.name, mechanism, errorCode, detail)
  }
  const next = (challenge: Buffer): Buffer | undefined => {
    try {
      return exchange.next(challenge)
    } catch (cause) {
      const message = `the ${mechanism} authentication at ${connection.name} failed: ${describe(cause)}`
      throw new AuthenticationError(message, { cause })
    }
  }
  const say = (authBytes: Buffer): Observable<Session> => {
    const since = scheduler.now()
    return connection.request(saslAuthenticate, { authBytes }).pipe(
      switchMap(answer => {
        if (answer.errorCode !== ErrorCode.NONE) refuse(answer.errorCode, answer.errorMessage)
        const token = next(answer.authBytes)
        return token === undefined ? of({ since, lifetimeMs: Number(answer.sessionLifetimeMs) }) : say(token)
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

/** A token may have to be fetched; until it is there, the connection goes on as it is. */
function begin(mechanism: SaslMechanism): Observable<SaslExchange> {
  return defer(() => {
    const begun = mechanism.begin()
    return begun instanceof Promise ? from(begun) : of(begun)
  }).pipe(
    catchError(cause => {
      if (cause instanceof AuthenticationError) throw cause
      throw new ConnectionError(`no ${mechanism.name} token: ${describe(cause)}`, { cause })
    }),
  )
}

/** Tries again while the session stands: a few times if that is long, more often towards its end. */
function beginUntil(end: number, mechanism: SaslMechanism, scheduler: SchedulerLike): Observable<SaslExchange> {
  const again = (error: Error): Observable<unknown> => {
    const left = end - scheduler.now()
    const pause = Math.max(TOKEN_RETRY_MS, left / 10)
    return pause < left && !(error instanceof AuthenticationError) ? timer(pause, scheduler) : throwError(() => error)
  }
  return begin(mechanism).pipe(retry({ delay: again }))
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
