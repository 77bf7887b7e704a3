import { AuthenticationError, ConnectionError, describe, InvalidArgumentError } from '../errors.js'
import type { Peer, SaslExchange, SaslMechanism } from './mechanism.js'

/** One authentication at a broker, as `sasl.authenticate` sees it. */
export interface SaslSession {
  /** The mechanism's name: the option `sasl.mechanism`. */
  readonly mechanism: string
  /** The broker's host. */
  readonly host: string
  /** The broker's port. */
  readonly port: number
  /** Aborted when the connection ends, and when its time to connect is over. */
  readonly signal: AbortSignal
  /**
   * Sends the client's next token and returns the broker's answer. Rejects when the broker refuses it. The first call begins the
   * authentication at the broker: fetch credentials before it, while the records of a re-authentication still flow.
   */
  send(token: Uint8Array): Promise<Uint8Array>
}

/** Authenticates; may return how long the credentials allow the session to last, in ms. */
export type Authenticate =
  | ((session: SaslSession) => Promise<void>)
  | ((session: SaslSession) => Promise<{ readonly sessionLifetimeMs?: number }>)

/** What the user's function did last: it sent a token, or it has returned. */
type Step = { readonly token: Buffer } | { readonly lifetimeMs: number }

/** A mechanism of the user's own. */
export function custom(name: string, authenticate: Authenticate): SaslMechanism {
  return {
    name,
    bare: true,
    async begin(peer: Peer): Promise<SaslExchange> {
      const run = new Run(name, authenticate, peer)
      const step = await run.first
      if (!('token' in step)) {
        throw new AuthenticationError('option `sasl.authenticate` returned without a call of `session.send()`')
      }
      return run.exchange(step.token)
    },
  }
}

/** A call of the user's function, which runs from one `send()` to the next. */
class Run {
  readonly #signal: AbortSignal
  /** Of the function; it may end before the broker has answered what it sent. */
  readonly #end: Promise<Step>
  #sent!: (step: Step) => void
  /** Of the `send()` that waits for its answer. */
  #answer: ((token: Uint8Array) => void) | undefined
  /** What the function does first. */
  readonly first: Promise<Step>

  constructor(name: string, authenticate: Authenticate, { host, port, signal }: Peer) {
    this.#signal = signal
    const session: SaslSession = { mechanism: name, host, port, signal, send: token => this.#send(token) }
    const sent = this.#nextSent()
    const run = async (): Promise<Step> => ({ lifetimeMs: lifetimeOf(await authenticate(session)) })
    this.#end = run().catch(cause => {
      throw wrapped(cause)
    })
    this.first = Promise.race([sent, this.#end])
    // It may fail while nobody waits: after the connection has ended.
    this.#end.catch(() => undefined)
  }

  exchange(first: Buffer): SaslExchange {
    let lifetimeMs = 0
    return {
      first: () => first,
      next: async challenge => {
        const sent = this.#nextSent()
        const answer = this.#answer
        this.#answer = undefined
        answer?.(challenge)
        const step = await Promise.race([sent, this.#end])
        if ('token' in step) return step.token
        lifetimeMs = step.lifetimeMs
        return undefined
      },
      get lifetimeMs(): number {
        return lifetimeMs
      },
    }
  }

  #nextSent(): Promise<Step> {
    return new Promise(resolve => {
      this.#sent = resolve
    })
  }

  #send(token: unknown): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (!(token instanceof Uint8Array)) throw new InvalidArgumentError('session.send() takes a Uint8Array')
      if (this.#answer !== undefined) throw new InvalidArgumentError('session.send() waits for an answer already')
      if (this.#signal.aborted) throw this.#signal.reason
      const aborted = (): void => reject(this.#signal.reason)
      this.#signal.addEventListener('abort', aborted, { once: true })
      this.#answer = answer => {
        this.#signal.removeEventListener('abort', aborted)
        resolve(answer)
      }
      this.#sent({ token: Buffer.from(token) })
    })
  }
}

function wrapped(cause: unknown): Error {
  const message = `option \`sasl.authenticate\` failed: ${describe(cause)}`
  return cause instanceof AuthenticationError || cause instanceof InvalidArgumentError
    ? new AuthenticationError(message, { cause })
    : new ConnectionError(message, { cause })
}

function lifetimeOf(result: unknown): number {
  const { sessionLifetimeMs = 0 } = (result ?? {}) as { sessionLifetimeMs?: unknown }
  if (typeof sessionLifetimeMs === 'number' && Number.isFinite(sessionLifetimeMs) && sessionLifetimeMs >= 0)
    return sessionLifetimeMs
  throw new AuthenticationError('the result has a `sessionLifetimeMs` that is no number of ms from 0')
}
