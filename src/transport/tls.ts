import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect } from 'node:tls'
import { AuthenticationError, ConnectionError, describe, printable } from '../errors.js'
import { attach, everyAddress } from './tcp.js'
import { type Address, formatAddress, type Socket, type SocketListener, type Transport } from './transport.js'

/** Kafka over TLS: the certificate of a broker must be trusted, and be for the host that was asked for. */
export function tls(given: ConnectionOptions, connectTimeoutMs: number): Transport {
  const options = { ...everyAddress(connectTimeoutMs), ...guarded(given) }
  return {
    connect(address: Address, listener: SocketListener): Socket {
      const { host, port } = address
      const socket = connect({ ...options, ...identity(address, options), host, port })
      socket.setNoDelay(true).setKeepAlive(true)
      const peer = { name: formatAddress(address), hasCertificate: hasCertificate(options) }
      let progress: Progress = 'nothing'
      socket.once('connect', () => {
        progress = 'connected'
      })
      socket.once('secureConnect', () => {
        progress = 'secure'
      })
      socket.once('data', () => {
        progress = 'answered'
      })
      return attach(socket, 'secureConnect', listener, error => {
        // Node reports this itself, and ends the connection.
        if (progress === 'connected' && socket.authorizationError != null) {
          const why = `the certificate of ${peer.name} is not trusted: ${textOf(error)}; ${remedyOf(error)} (option \`ssl\`)`
          return new AuthenticationError(why, { cause: error })
        }
        return explain(error, progress, peer)
      })
    },
  }
}

/** As {@link tls}, with the options of the moment for each connection: certificates are renewed while the producer runs. */
export function renewedTls(current: () => Promise<ConnectionOptions>, connectTimeoutMs: number): Transport {
  return {
    connect(address: Address, listener: SocketListener): Socket {
      let socket: Socket | undefined
      let ended = false
      const end = (error?: Error): void => {
        if (ended) return
        ended = true
        queueMicrotask(() => listener.closed(error))
      }
      const open = async (): Promise<void> => {
        const options = await current()
        if (!ended) socket = tls(options, connectTimeoutMs).connect(address, listener)
      }
      open().catch(end)
      return {
        write: chunks => socket?.write(chunks),
        destroy(): void {
          if (socket === undefined) end()
          else socket.destroy()
        },
      }
    },
  }
}

/** Returns the options that say whom the broker's certificate must name, unless the user's say so. */
function identity({ host, servername = host }: Address, options: ConnectionOptions): ConnectionOptions {
  if (options.servername !== undefined) return {}
  // Sent to the broker, too (SNI).
  if (isIP(servername) === 0) return { servername }
  // SNI carries no IP address, and without SNI Node expects the certificate of `host`.
  const check = options.checkServerIdentity ?? checkServerIdentity
  return { checkServerIdentity: (_host, certificate) => check(servername, certificate) }
}

/** How far a connection has come. */
type Progress = 'nothing' | 'connected' | 'secure' | 'answered'

interface Peer {
  readonly name: string
  /** Whether this client has a certificate of its own to show. */
  readonly hasCertificate: boolean
}

function hasCertificate({ cert, pfx }: ConnectionOptions): boolean {
  return cert !== undefined || pfx !== undefined
}

/** What the end of a connection is known to mean, and what it may mean. */
function explain(error: Error | undefined, progress: Progress, { name, hasCertificate }: Peer): Error | undefined {
  const { code = '' } = (error ?? {}) as NodeJS.ErrnoException
  if (/_ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) {
    const why = `the broker at ${name} does not accept this client's certificate: ${textOf(error)} (option \`ssl\`)`
    return new AuthenticationError(why, { cause: error })
  }
  if (progress === 'answered' || progress === 'nothing')
    return isOpenSsl(code) ? new Error(textOf(error), { cause: error }) : error
  const failed = `the TLS handshake with ${name} failed`
  const certificate = hasCertificate
    ? "one that does not accept this client's certificate"
    : 'one that wants a client certificate'
  let why: string
  if (progress === 'secure') {
    why = `the broker at ${name} ended the connection after the TLS handshake, before any answer, as ${certificate} may do (option \`ssl\`)`
  } else if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) {
    why = `${failed}: the broker speaks no version of TLS that this process does (options \`ssl.minVersion\` and \`ssl.maxVersion\`)`
  } else if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code)) {
    why = `${failed}: what listens there does not speak TLS (option \`ssl\`)`
  } else if (isOpenSsl(code)) {
    why = failed
  } else {
    why = `${failed}: the connection ended, as with a listener that does not speak TLS, or ${certificate} (option \`ssl\`), or a broker that has as many connections as it allows (its \`max.connections.per.ip\`)`
  }
  return new ConnectionError(error === undefined ? why : `${why}: ${textOf(error)}`, { cause: error })
}

/** What makes a certificate trusted. */
function remedyOf(error: Error | undefined): string {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'CERT_HAS_EXPIRED':
      return 'it must be renewed at the broker'
    case 'CERT_NOT_YET_VALID':
      return 'check the clocks of both machines'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'use one of these names in `brokers` and the advertised listeners, or set `ssl.servername`'
    default:
      return 'if it is to be trusted, set its authority as `ssl.ca`'
  }
}

function isOpenSsl(code: string): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_')
}

/** OpenSSL's own message is a line of its log, with the place in its source and a line break. */
function textOf(error: Error | undefined): string {
  const { code = '', reason } = (error ?? {}) as NodeJS.ErrnoException & { reason?: unknown }
  return isOpenSsl(code) && typeof reason === 'string' ? `${reason} (${code})` : printable(describe(error))
}

/** What a check of the user's throws would end the process: Node calls it from an event. It counts as a host that is not trusted. */
function guarded(options: ConnectionOptions): ConnectionOptions {
  const check = options.checkServerIdentity
  if (check === undefined) return options
  return {
    ...options,
    checkServerIdentity(host, cert) {
      try {
        return check(host, cert)
      } catch (cause) {
        return new Error(`\`ssl.checkServerIdentity\` threw: ${describe(cause)}`, { cause })
      }
    },
  }
}
