import { isIP } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { AuthenticationError, describe } from '../errors.js'
import { attach } from './tcp.js'
import { type Address, formatAddress, type Socket, type SocketListener, type Transport } from './transport.js'

/** Kafka over TLS: the certificate of a broker must be trusted, and be for the host that was asked for. */
export function tls(given: ConnectionOptions): Transport {
  const options = guarded(given)
  return {
    connect(address: Address, listener: SocketListener): Socket {
      const { host, port } = address
      // The name that the broker is to show a certificate for (SNI); it can't be an IP address.
      const servername = isIP(host) === 0 ? { servername: host } : {}
      const socket = connect({ ...servername, ...options, host, port })
      socket.setNoDelay(true).setKeepAlive(true)
      let connected = false
      let secure = false
      socket.on('connect', () => {
        connected = true
      })
      socket.on('secureConnect', () => {
        secure = true
      })
      return attach(socket, 'secureConnect', listener, error => {
        // Node says so of itself, and ends the connection for it.
        if (!secure && socket.authorizationError != null) {
          const why = `the certificate of ${formatAddress(address)} is not trusted: ${describe(error)} (option \`ssl\`)`
          return new AuthenticationError(why, { cause: error })
        }
        if (isOfCertificate(error)) {
          const why = `the broker at ${formatAddress(address)} does not accept this client's certificate: ${describe(error)} (option \`ssl\`)`
          return new AuthenticationError(why, { cause: error })
        }
        if (!connected || secure) return error
        const why = `the TLS handshake failed, as with a listener that does not speak TLS (option \`ssl\`): ${describe(error).trim()}`
        return new Error(why, { cause: error })
      })
    },
  }
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

/** The other side's alert about the certificate that it was shown, or not; in TLS 1.3 it comes after the handshake. */
function isOfCertificate(error: Error): boolean {
  return /_ALERT_(.*CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test((error as NodeJS.ErrnoException).code ?? '')
}
