import { isIP } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, createSecureContext, type ConnectionOptions as TlsOptions } from 'node:tls'
import { describe, InvalidArgumentError } from '../../errors.js'
import { readOptions } from '../../read-options.js'
import { renewedTls, tls } from '../../transport/tls.js'
import type { Transport } from '../../transport/transport.js'
import { renewed } from './renewed.js'
import { invalid, isFunction, type Rule, shape } from './rules.js'

/** Options of `ssl` that Node checks too late, or with errors that name no option. */
const SSL_RULES: Readonly<Record<string, Rule>> = {
  lookup: shape('a function', isFunction),
  checkServerIdentity: shape('a function', isFunction),
  pskCallback: shape('a function', isFunction),
  minDHSize: shape('a number', value => typeof value === 'number'),
  localAddress: shape('an IP address', value => typeof value === 'string' && isIP(value) !== 0),
}

/** @throws {InvalidArgumentError} for an invalid option, or an unreadable certificate or key. */
export function resolveSsl(
  given: true | TlsOptions | (() => TlsOptions | Promise<TlsOptions>),
  connectTimeoutMs: number,
): Transport {
  if (typeof given === 'function') return renewedTls(renewed('ssl', given, resolveObject), connectTimeoutMs)
  return tls(resolveObject(given === true ? {} : given), connectTimeoutMs)
}

function resolveObject(given: TlsOptions): TlsOptions {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgumentError(
      'option `ssl` must be true, false, an object of options of node:tls, or a function that returns one',
    )
  }
  const options = readOptions(given)
  for (const [name, rule] of Object.entries(SSL_RULES)) {
    const value: unknown = options[name as keyof TlsOptions]
    if (value !== undefined && !rule.holds(value)) throw invalid(`ssl.${name}`, value, rule.text)
  }
  try {
    // Once for all connections, and now, so that errors are reported now.
    const resolved = { secureContext: createSecureContext(options), ...options }
    tryOut(resolved)
    return resolved
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
