import { ErrorCode } from '../../protocol/error-codes.js'
import {
  type SaslAuthenticateRequest,
  type SaslAuthenticateResponse,
  saslAuthenticate,
} from '../../protocol/messages/sasl-authenticate.js'
import {
  type SaslHandshakeRequest,
  type SaslHandshakeResponse,
  saslHandshake,
} from '../../protocol/messages/sasl-handshake.js'
import { readOptions } from '../../read-options.js'
import { type Exchange, mechanisms, type SaslMechanismName } from './sasl-mechanisms.js'
import { Users } from './users.js'

/** How clients of the cluster authenticate. */
export interface ClusterSaslOptions {
  /** The mechanisms on offer. Default: all four. */
  readonly mechanisms?: readonly SaslMechanismName[]
  /**
   * More mechanisms, by name, which are offered after the others. Each returns the broker's side of one authentication.
   *
   * @example { AWS_MSK_IAM: () => token => (isSigned(token) ? { answer: '{"version":"2020_10_22"}', user: 'app' } : { refusal: 'no' }) }
   */
  readonly customMechanisms?: Readonly<Record<string, () => Exchange>>
  /** Passwords, by name. A user's token for OAUTHBEARER is the password as well. */
  readonly users: Readonly<Record<string, string>>
  /** How long a session lasts without re-authentication, in ms (`connections.max.reauth.ms`). Default 0: for ever. */
  readonly sessionLifetimeMs?: number
}

/** What the nodes of a cluster share. */
export class Sasl {
  /** By name; the order is the one in which they are offered. */
  readonly mechanisms: ReadonlyMap<string, () => Exchange>
  readonly users: Users
  readonly sessionLifetimeMs: number

  /** @throws RangeError that names the option, its value and the rule. */
  constructor(given: ClusterSaslOptions) {
    const options = readOptions(given)
    const all = Object.keys(mechanisms) as SaslMechanismName[]
    const { mechanisms: offered = all, customMechanisms = {}, sessionLifetimeMs = 0 } = options
    const unknown = offered.find(name => !all.includes(name))
    if (unknown !== undefined) {
      throw new RangeError(`option \`sasl.mechanisms\` names '${unknown}', but there are only ${all.join(', ')}`)
    }
    if (!Number.isInteger(sessionLifetimeMs) || sessionLifetimeMs < 0) {
      throw new RangeError(
        `option \`sasl.sessionLifetimeMs\` is ${sessionLifetimeMs}, but it must be an integer from 0`,
      )
    }
    const users = new Users(options.users)
    this.users = users
    this.mechanisms = new Map([
      ...offered.map(name => [name, () => mechanisms[name](users)] as const),
      ...Object.entries(customMechanisms),
    ])
    this.sessionLifetimeMs = sessionLifetimeMs
  }
}

/** A client has authenticated, for the first time on its connection or again. @inline */
export interface Authenticated {
  readonly user: string
  readonly mechanism: string
  readonly renewed: boolean
}

/** The least time between two authentications of a client, in ms, as in Kafka. */
const MIN_RENEWAL_MS = 1000

/**
 * The authentication state of a connection. Kafka's rules: before authentication, only ApiVersions (once) and SaslHandshake are accepted;
 * from a handshake on, only tokens; when a session has ended, only a handshake. Anything else ends the connection, and so
 * does a failure, after its answer.
 */
export class Authenticator {
  readonly #sasl: Sasl | undefined
  readonly #now: () => number
  readonly #report: (event: Authenticated) => void
  #phase: 'new' | 'asked' | 'tokens' | 'known'
  /** Why the connection is to end when the answer has left. */
  #failure: string | undefined
  /** Undefined during a re-authentication with another mechanism than the first, which shows with the first token. */
  #exchange: Exchange | undefined
  #mechanism = ''
  #user: string | undefined
  #expiresAt = Number.POSITIVE_INFINITY
  #renewedAt = Number.NEGATIVE_INFINITY

  /** @param sasl undefined: whoever comes is known. */
  constructor(sasl: Sasl | undefined, now: () => number, report: (event: Authenticated) => void) {
    this.#sasl = sasl
    this.#now = now
    this.#report = report
    this.#phase = sasl === undefined ? 'known' : 'new'
  }

  get failure(): string | undefined {
    return this.#failure
  }

  /** Why a request is not to be carried out, if so. */
  refusal(api: string, version: number): string | undefined {
    if (api === saslHandshake.name && version === 0 && this.#sasl !== undefined) {
      return 'tokens without headers, as after SaslHandshake version 0, are not supported'
    }
    switch (this.#phase) {
      case 'new':
      case 'asked':
        if (api === saslHandshake.name || (api === 'ApiVersions' && this.#phase === 'new')) return undefined
        return `${api} before the client has authenticated`
      case 'tokens':
        if (api !== saslAuthenticate.name) return `${api} during an authentication`
        return this.#exchange === undefined ? 'another mechanism than before' : undefined
      case 'known':
        if (this.#now() < this.#expiresAt || (api === saslHandshake.name && this.#renewable)) return undefined
        return `${api} after the session has ended`
    }
  }

  /** Whether the client has sent ApiVersions. */
  versionsTold(): void {
    if (this.#phase === 'new') this.#phase = 'asked'
  }

  handshake({ mechanism }: SaslHandshakeRequest): SaslHandshakeResponse {
    const illegal = this.#phase === 'known' && !this.#renewable
    if (this.#sasl === undefined || illegal) return { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] }
    if (this.#phase === 'known') this.#renewedAt = this.#now()
    const offered = [...this.#sasl.mechanisms.keys()]
    const known = this.#sasl.mechanisms.get(mechanism)
    if (known === undefined) {
      this.#failure = `mechanism ${mechanism} is not offered`
      return { errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms: offered }
    }
    this.#phase = 'tokens'
    const changed = this.#user !== undefined && this.#mechanism !== mechanism
    this.#exchange = changed ? undefined : known()
    this.#mechanism = mechanism
    return { errorCode: ErrorCode.NONE, mechanisms: offered }
  }

  authenticate({ authBytes }: SaslAuthenticateRequest): SaslAuthenticateResponse {
    if (this.#exchange === undefined) {
      return failed(ErrorCode.ILLEGAL_SASL_STATE, 'SaslAuthenticate request received after successful authentication')
    }
    const step = this.#exchange(authBytes.toString())
    if ('refusal' in step) return this.#fail(step.refusal)
    let sessionLifetimeMs = 0
    if (step.user !== undefined) {
      if (this.#user !== undefined && this.#user !== step.user) {
        return this.#fail(
          `Cannot change principals during re-authentication from User.${this.#user}: User.${step.user}`,
        )
      }
      sessionLifetimeMs = this.#sasl?.sessionLifetimeMs ?? 0
      this.#known(step.user, sessionLifetimeMs)
    }
    return {
      errorCode: ErrorCode.NONE,
      errorMessage: null,
      authBytes: Buffer.from(step.answer),
      sessionLifetimeMs: BigInt(sessionLifetimeMs),
    }
  }

  get #renewable(): boolean {
    return Number.isFinite(this.#expiresAt) && this.#now() - this.#renewedAt >= MIN_RENEWAL_MS
  }

  #known(user: string, lifetimeMs: number): void {
    const renewed = this.#user !== undefined
    this.#phase = 'known'
    this.#exchange = undefined
    this.#user = user
    this.#expiresAt = lifetimeMs > 0 ? this.#now() + lifetimeMs : Number.POSITIVE_INFINITY
    this.#report({ user, mechanism: this.#mechanism, renewed })
  }

  #fail(message: string): SaslAuthenticateResponse {
    this.#failure = message
    return failed(ErrorCode.SASL_AUTHENTICATION_FAILED, message)
  }
}

function failed(errorCode: number, errorMessage: string): SaslAuthenticateResponse {
  return { errorCode, errorMessage, authBytes: Buffer.alloc(0), sessionLifetimeMs: 0n }
}
