import { AuthenticationError } from '../errors.js'

/** A token for OAUTHBEARER, with its expiry and its extensions. */
export interface BearerToken {
  /** The token itself, as it is sent. */
  readonly value: string
  /** SASL extensions (KIP-342), such as `logicalCluster`: names are letters, values are printable ASCII. Default: none. */
  readonly extensions?: Readonly<Record<string, string>>
  /** When it expires, in ms since 1970. Default: the claim `exp` of a JSON Web Token; other tokens are used once. */
  readonly expiresAt?: number
}

/** The first ms of 1990: what is less was meant as seconds. */
const NOT_MS = 631_152_000_000

/**
 * Checks what `sasl.token` returned, and reads the end of a JSON Web Token.
 *
 * @throws {AuthenticationError} that says why it is no token, and never what it is: the next attempt would fail in the same way.
 */
export function readToken(given: unknown): BearerToken {
  const isObject = typeof given === 'object' && given !== null
  const { value, extensions, expiresAt } = isObject ? (given as Record<string, unknown>) : { value: given }
  const flaw = flawOfValue(value, isObject)
  if (flaw !== undefined) throw new AuthenticationError(`option \`sasl.token\` gave no token, but ${flaw}`)
  const read = { value: value as string, extensions: readExtensions(extensions) }
  const end = expiresAt === undefined ? expiryOf(read.value) : checkedExpiry(expiresAt)
  return end === undefined ? read : { ...read, expiresAt: end }
}

function flawOfValue(value: unknown, inObject: boolean): string | undefined {
  if (typeof value !== 'string') {
    const what = value === null ? 'null' : `a value of type ${typeof value}`
    return inObject ? `an object whose \`value\` is ${what}` : what
  }
  if (value === '') return 'an empty string'
  if (/^[\x20-\x7e]+\s+$/.test(value)) return 'a string with a line break at its end: trim() what comes from a file'
  // Control characters end the fields of the message (RFC 7628).
  return /^[\x20-\x7e]+$/.test(value) ? undefined : 'a string with characters that no token has'
}

function readExtensions(given: unknown): Readonly<Record<string, string>> {
  if (given === undefined) return {}
  const wrong = flawOfExtensions(given)
  if (wrong !== undefined) throw new AuthenticationError(`option \`sasl.token\` gave ${wrong}`)
  return { ...(given as Readonly<Record<string, string>>) }
}

/** Why brokers do not take them (RFC 7628, section 3.1: a key is letters, a value is VCHAR, space, tab, CR and LF); never what they are. */
export function flawOfExtensions(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return '`extensions` that are no object of strings'
  for (const [name, value] of Object.entries(given)) {
    if (name === 'auth') return "an extension with a wrong name: the name 'auth' is the token's own (RFC 7628)"
    if (!/^[A-Za-z]+$/.test(name)) {
      return 'an extension with a wrong name: a name consists of the letters A to Z and a to z (RFC 7628)'
    }
    if (typeof value !== 'string' || !/^[\x21-\x7e \t\r\n]+$/.test(value)) {
      return `the extension \`${name}\` a value that is no string of printable ASCII (RFC 7628)`
    }
  }
  return undefined
}

function checkedExpiry(expiresAt: unknown): number {
  if (typeof expiresAt !== 'number' || !Number.isFinite(expiresAt) || expiresAt < NOT_MS) {
    const what = typeof expiresAt === 'number' ? String(expiresAt) : `a value of type ${typeof expiresAt}`
    throw new AuthenticationError(
      `option \`sasl.token\` gave as \`expiresAt\` ${what}, but it must be a time in ms since 1970, as Date.now() has`,
    )
  }
  return expiresAt
}

/** The claim `exp` of a JSON Web Token (RFC 7519), in ms. It is only read to know when to fetch the next one, so nothing is verified. */
function expiryOf(token: string): number | undefined {
  const [, claims = '', ...more] = token.split('.')
  if (more.length !== 1) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
