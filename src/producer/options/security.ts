import { isIP } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, createSecureContext, type ConnectionOptions as TlsOptions } from 'node:tls'
import { describe, InvalidArgumentError } from '../../errors.js'
import { readOptions } from '../../read-options.js'
import { oauthbearer, plain, type SaslMechanism } from '../../transport/sasl.js'
import { scram } from '../../transport/scram.js'
import { tls } from '../../transport/tls.js'
import type { Transport } from '../../transport/transport.js'
import { invalid, isFunction, type Rule, shape } from './rules.js'

/** How the client authenticates. */
export type SaslOptions =
  | {
      /** `'plain'` sends the password itself: use it with `ssl` only. */
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Returns a token that is valid now. Called for every connection, and again before a session ends. */
      readonly token: () => string | Promise<string>
    }

/** What each mechanism needs beside its name. */
const NEEDS: Readonly<Record<SaslOptions['mechanism'], readonly string[]>> = {
  plain: ['username', 'password'],
  'scram-sha-256': ['username', 'password'],
  'scram-sha-512': ['username', 'password'],
  oauthbearer: ['token'],
}

/** @throws {InvalidArgumentError} that quotes no value but `mechanism`: others may be secret. */
export function resolveSasl(options: SaslOptions): SaslMechanism {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError('option `sasl` must be an object with a `mechanism`')
  }
  const given = readOptions(options)
  const mechanism: unknown = given.mechanism
  if (!Object.hasOwn(NEEDS, String(mechanism))) {
    const known = Object.keys(NEEDS).map(name => `'${name}'`)
    throw new InvalidArgumentError(
      `option \`sasl.mechanism\` is ${typeof mechanism === 'string' ? `'${mechanism}'` : typeof mechanism}, but it must be ${known.join(' or ')}`,
    )
  }
  const needs = NEEDS[given.mechanism]
  for (const name of Object.keys(given)) {
    if (name !== 'mechanism' && !needs.includes(name)) {
      throw new InvalidArgumentError(
        `there is no option \`sasl.${name}\` with '${given.mechanism}'; the options are mechanism, ${needs.join(', ')}`,
      )
    }
  }
  if (given.mechanism === 'oauthbearer') {
    if (typeof given.token !== 'function') throw new InvalidArgumentError('option `sasl.token` must be a function')
    return oauthbearer(given.token)
  }
  for (const name of ['username', 'password'] as const) {
    // PLAIN separates its fields by NUL.
    if (typeof given[name] !== 'string' || given[name] === '' || given[name].includes('\0')) {
      throw new InvalidArgumentError(`option \`sasl.${name}\` must be a non-empty string without NUL`)
    }
  }
  const { username, password } = given
  switch (given.mechanism) {
    case 'plain':
      return plain(username, password)
    case 'scram-sha-256':
      return scram('SCRAM-SHA-256', 'sha256', username, password)
    case 'scram-sha-512':
      return scram('SCRAM-SHA-512', 'sha512', username, password)
  }
}

/** Options of `ssl` that Node checks too late, or with errors that name no option. */
const SSL_RULES: Readonly<Record<string, Rule>> = {
  lookup: shape('a function', isFunction),
  checkServerIdentity: shape('a function', isFunction),
  pskCallback: shape('a function', isFunction),
  minDHSize: shape('a number', value => typeof value === 'number'),
  localAddress: shape('an IP address', value => typeof value === 'string' && isIP(value) !== 0),
}

/** @throws {InvalidArgumentError} for an invalid option, or an unreadable certificate or key. */
export function resolveSsl(given: true | TlsOptions, connectTimeoutMs: number): Transport {
  if (given !== true && (typeof given !== 'object' || given === null)) {
    throw new InvalidArgumentError('option `ssl` must be true, false or an object of options of node:tls')
  }
  const options = given === true ? {} : readOptions(given)
  for (const [name, rule] of Object.entries(SSL_RULES)) {
    const value: unknown = options[name as keyof TlsOptions]
    if (value !== undefined && !rule.holds(value)) throw invalid(`ssl.${name}`, value, rule.text)
  }
  try {
    // Once for all connections, and now, so that errors are reported now.
    const resolved = { secureContext: createSecureContext(options), ...options }
    tryOut(resolved)
    return tls(resolved, connectTimeoutMs)
  } catch (error) {
    throw new InvalidArgumentError(`option \`ssl\` can't be used: ${describe(error)}`, { cause: error })
  }
}

/** Begins a handshake without a peer: that alone checks most options. */
function tryOut(options: TlsOptions): void {
  const nobody = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  // Not on the user's own socket, which the attempt would consume.
  const socket = connect({ ...options, socket: nobody })
  socket.on('error', () => {})
  socket.destroy()
  nobody.destroy()
}
