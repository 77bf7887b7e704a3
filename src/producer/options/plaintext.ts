import { TcpTransport } from '../../transport/tcp.js'
import {
  type Address,
  formatAddress,
  type Socket,
  type SocketListener,
  type Transport,
} from '../../transport/transport.js'
import type { ProducerEvent } from '../model/events.js'
import type { ResolvedOptions } from './options.js'

/**
 * Returns the options with a transport that reports, once, when a password or token is about to be sent unencrypted to another machine. A
 * custom transport is not checked: it may encrypt.
 */
export function reportPlaintext(options: ResolvedOptions, report: (event: ProducerEvent) => void): ResolvedOptions {
  const { sasl, transport } = options
  if (!(transport instanceof TcpTransport) || sasl?.bare !== true) return options
  let reported = false
  const reporting: Transport = {
    connect(address: Address, listener: SocketListener): Socket {
      if (!reported && !isLoopback(address.host)) {
        reported = true
        const name = formatAddress(address)
        process.emitWarning(
          `rx-kafka: ${sasl.name} sends ${sasl.name === 'PLAIN' ? 'the password' : 'tokens'} to ${name} unencrypted: set option \`ssl\``,
          { code: 'RX_KAFKA_PLAINTEXT' },
        )
        report({ kind: 'plaintext', address: name, mechanism: sasl.name })
      }
      return transport.connect(address, listener)
    },
  }
  return { ...options, transport: reporting }
}

function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/i.test(host)
}
