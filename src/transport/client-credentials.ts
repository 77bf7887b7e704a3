import { AuthenticationError, ConnectionError, describe, InvalidArgumentError, printable } from '../errors.js'
import { readOptions } from '../read-options.js'
import { type BearerToken, flawOfExtensions } from './bearer-token.js'

/** Options of {@link clientCredentials}. */
export interface ClientCredentialsOptions {
  /** The token endpoint; https, or http on the loopback. */
  readonly tokenUrl: string | URL
  /** The id that the provider has given to this application. */
  readonly clientId: string
  /** Its secret. */
  readonly clientSecret: string
  /** Scopes, separated by spaces. Default: none is asked for. */
  readonly scope?: string
  /** SASL extensions (KIP-342) to send with the token to brokers. Default: none. */
  readonly extensions?: Readonly<Record<string, string>>
  /** How long the endpoint may take to answer, in ms. Default 10000. */
  readonly timeoutMs?: number
  /** More headers of the request. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Of RFC 6749, section 5.2: the same request would be refused again. */
const FINAL = [
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
]

const NAMES = ['tokenUrl', 'clientId', 'clientSecret', 'scope', 'extensions', 'timeoutMs', 'headers']

/**
 * Returns a function for `sasl.token` that fetches tokens from an OpenID Connect or OAuth 2 provider with client credentials (RFC 6749,
 * section 4.4; KIP-768). The producer fetches the next one before the last one expires. A provider that does not answer is asked again
 * with back-off; one that refuses the credentials ends the producer. No error contains the secret or a token.
 *
 * @throws {InvalidArgumentError} that names the option and the rule.
 * @example
 * sasl: {
 *   mechanism: 'oauthbearer',
 *   token: clientCredentials({ tokenUrl: 'https://login.example.com/token', clientId: 'app', clientSecret, scope: 'kafka' }),
 * }
 */
export function clientCredentials(given: ClientCredentialsOptions): () => Promise<BearerToken> {
  const { url, extensions, timeoutMs, headers, body, clientSecret } = resolve(given)
  const at = url.origin
  return async () => {
    const asked = Date.now()
    let status: number
    let text: string
    try {
      // A redirect would take the secret elsewhere.
      const signal = AbortSignal.timeout(timeoutMs)
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
      status = response.status
      text = await response.text()
    } catch (error) {
      const { name, cause } = error as { name?: unknown; cause?: unknown }
      const why =
        name === 'TimeoutError' ? `it did not answer within ${timeoutMs} ms (\`timeoutMs\`)` : describe(cause ?? error)
      throw new ConnectionError(`no token from ${at}: ${printable(why)}`)
    }
    const answer = parse(text)
    const said = (name: string): string | undefined => {
      const value = answer?.[name]
      return typeof value === 'string' && value !== '' ? printable(value.replaceAll(clientSecret, '…')) : undefined
    }
    if (status < 200 || status > 299) {
      const error = said('error')
      const reason = [error, said('error_description')].filter(part => part !== undefined).join(': ')
      const message = `${at} refused a token: HTTP status ${status}${reason && `, ${reason}`}`
      throw error !== undefined && FINAL.includes(error) && status < 500
        ? new AuthenticationError(`${message} (check \`clientId\`, \`clientSecret\` and \`scope\`)`)
        : new ConnectionError(message)
    }
    const { access_token: value, expires_in: seconds } = answer ?? {}
    if (typeof value !== 'string' || value === '') {
      throw new ConnectionError(`no token from ${at}: its answer is no JSON object with an \`access_token\``)
    }
    const life = Number(seconds)
    return {
      value,
      ...(extensions && { extensions }),
      // Providers send the number as a string, too.
      ...(seconds !== undefined && life > 0 && Number.isFinite(life) && { expiresAt: asked + life * 1000 }),
    }
  }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : undefined
  } catch {
    // The error would quote the answer, which may hold a token.
    return undefined
  }
}

interface Resolved {
  readonly url: URL
  readonly clientSecret: string
  readonly extensions: Readonly<Record<string, string>> | undefined
  readonly timeoutMs: number
  readonly headers: Headers
  readonly body: string
}

/** No message quotes a value: secrets may stand in the wrong place. */
function resolve(given: ClientCredentialsOptions): Resolved {
  const refuse = (option: string, rule: string): never => {
    throw new InvalidArgumentError(`clientCredentials(): option \`${option}\` must be ${rule}`)
  }
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgumentError('clientCredentials() takes an object of options')
  }
  const options = readOptions(given)
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) {
      throw new InvalidArgumentError(
        `clientCredentials(): there is no option \`${name}\`; the options are ${NAMES.join(', ')}`,
      )
    }
  }
  for (const name of ['clientId', 'clientSecret'] as const) {
    if (typeof options[name] !== 'string' || options[name] === '') refuse(name, 'a non-empty string')
  }
  const { clientId, clientSecret, scope, extensions, timeoutMs = 10_000, headers: more = {} } = options
  if (scope !== undefined && (typeof scope !== 'string' || scope === '')) refuse('scope', 'a non-empty string')
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 2_147_483_647) {
    refuse('timeoutMs', 'an integer of ms from 1 to 2147483647')
  }
  if (extensions !== undefined && flawOfExtensions(extensions) !== undefined) {
    refuse('extensions', 'an object of names in letters, without `auth`, with strings of printable ASCII (RFC 7628)')
  }
  const url = URL.canParse(String(options.tokenUrl)) ? new URL(options.tokenUrl) : refuse('tokenUrl', 'a URL')
  const local = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) {
    refuse('tokenUrl', 'an https URL, or one of http on the loopback: it is sent the secret')
  }
  if (url.username !== '' || url.password !== '') refuse('tokenUrl', 'without user and password')
  const headers = headersOf(more) ?? refuse('headers', 'an object of valid names and values of HTTP headers')
  headers.set(
    'authorization',
    `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`,
  )
  headers.set('content-type', 'application/x-www-form-urlencoded')
  headers.set('accept', 'application/json')
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }).toString()
  return { url, clientSecret, extensions, timeoutMs, headers, body }
}

function headersOf(given: Readonly<Record<string, string>>): Headers | undefined {
  try {
    return new Headers(given)
  } catch {
    // The error would quote the value.
    return undefined
  }
}

/** RFC 6749, section 2.3.1: both are form-encoded before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ text }).toString().slice('text='.length)
}
