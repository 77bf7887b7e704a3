import { InvalidArgumentError } from '../../errors.js'
import { readOptions } from '../../read-options.js'
import type { BearerToken } from '../../transport/bearer-token.js'
import { type Authenticate, custom } from '../../transport/custom.js'
import type { SaslLogin, SaslMechanism } from '../../transport/mechanism.js'
import { oauthbearer } from '../../transport/oauthbearer.js'
import { plain } from '../../transport/plain.js'
import { scram } from '../../transport/scram.js'
import { renewed } from './renewed.js'

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
      /**
       * Returns a token that is valid now, alone or with its end and its SASL extensions (KIP-342). A token with a known end (`expiresAt`, or
       * the claim `exp` of a JSON Web Token) is used for 80 % of the time that it has left. For other tokens, this is called for every
       * connection, and again before a session ends. Connections that need a token at the same time share one call. If it throws, it is
       * called again with back-off; if it throws an `AuthenticationError`, the producer ends.
       */
      readonly token: () => string | BearerToken | Promise<string | BearerToken>
    }
  | {
      /** The name of another mechanism, as brokers spell it: `'AWS_MSK_IAM'`. */
      readonly mechanism: string
      /**
       * Exchanges the mechanism's tokens with a broker, for every connection and again before a session ends. If it throws, the connection
       * is tried again with back-off; if it throws an `AuthenticationError`, the producer ends.
       *
       * @example async session => void (await session.send(Buffer.from(JSON.stringify(await sign(session.host)))))
       */
      readonly authenticate: Authenticate
    }

/** What each mechanism needs beside its name. */
const NEEDS = {
  plain: ['username', 'password'],
  'scram-sha-256': ['username', 'password'],
  'scram-sha-512': ['username', 'password'],
  oauthbearer: ['token'],
} as const

type Known = keyof typeof NEEDS

/** What was given; the rules below decide what it is. */
interface Given {
  readonly mechanism?: unknown
  readonly username?: unknown
  readonly password?: unknown
  readonly token?: unknown
  readonly authenticate?: unknown
}

/** @throws {InvalidArgumentError} that quotes no value but `mechanism`: others may be secret. */
export function resolveSasl(options: SaslOptions | (() => SaslOptions | Promise<SaslOptions>)): SaslLogin {
  return typeof options === 'function' ? renewed('sasl', options, resolveMechanism) : resolveMechanism(options)
}

function resolveMechanism(options: SaslOptions): SaslMechanism {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError('option `sasl` must be an object with a `mechanism`')
  }
  const given: Given = readOptions(options)
  const mechanism = nameOf(given)
  const needs = isKnown(mechanism) ? NEEDS[mechanism] : ['authenticate']
  for (const name of Object.keys(given)) {
    if (name !== 'mechanism' && !(needs as readonly string[]).includes(name)) {
      throw new InvalidArgumentError(
        `there is no option \`sasl.${name}\` with '${mechanism}'; the options are mechanism, ${needs.join(', ')}`,
      )
    }
  }
  if (!isKnown(mechanism)) return custom(mechanism, functionOf(given, 'authenticate') as Authenticate)
  if (mechanism === 'oauthbearer') return oauthbearer(functionOf(given, 'token') as () => string)
  const username = textOf(given, 'username')
  const password = textOf(given, 'password')
  switch (mechanism) {
    case 'plain':
      return plain(username, password)
    case 'scram-sha-256':
      return scram('SCRAM-SHA-256', 'sha256', username, password)
    case 'scram-sha-512':
      return scram('SCRAM-SHA-512', 'sha512', username, password)
  }
}

/** A known mechanism, or any name that a mechanism can have (RFC 4422) if the user brings the exchange. */
function nameOf({ mechanism, authenticate }: Given): string {
  if (typeof mechanism === 'string' && isKnown(mechanism)) return mechanism
  if (authenticate === undefined) {
    const known = Object.keys(NEEDS).map(name => `'${name}'`)
    throw new InvalidArgumentError(
      `option \`sasl.mechanism\` is ${typeof mechanism === 'string' ? `'${mechanism}'` : typeof mechanism}, but it must be ${known.join(' or ')}, or come with \`sasl.authenticate\``,
    )
  }
  if (typeof mechanism !== 'string' || !/^[A-Z0-9_-]{1,20}$/.test(mechanism)) {
    throw new InvalidArgumentError(
      'option `sasl.mechanism` must be 1 to 20 of A to Z, 0 to 9, - and _ with `sasl.authenticate`, as brokers spell it',
    )
  }
  return mechanism
}

function isKnown(mechanism: string): mechanism is Known {
  return Object.hasOwn(NEEDS, mechanism)
}

function functionOf(given: Given, name: 'token' | 'authenticate'): unknown {
  if (typeof given[name] !== 'function') throw new InvalidArgumentError(`option \`sasl.${name}\` must be a function`)
  return given[name]
}

function textOf(given: Given, name: 'username' | 'password'): string {
  const text = given[name]
  // PLAIN separates its fields by NUL.
  if (typeof text !== 'string' || text === '' || text.includes('\0')) {
    throw new InvalidArgumentError(`option \`sasl.${name}\` must be a non-empty string without NUL`)
  }
  return text
}
