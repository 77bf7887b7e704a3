import type { SaslMechanism } from '../../transport/mechanism.js'
import { TcpTransport } from '../../transport/tcp.js'
import { type Address, formatAddress, type Transport } from '../../transport/transport.js'
import type { ProducerEvent } from '../model/events.js'
import type { ResolvedOptions } from './options.js'

/**
 * Returns the options with a transport that reports, once, when a password or token is about to be sent unencrypted to another machine.
 * If a function gives the credentials, their mechanism is known, and reported, only once it was called. A custom transport is not checked:
 * it may encrypt.
 */
export function reportPlaintext(options: ResolvedOptions, report: (event: ProducerEvent) => void): ResolvedOptions {
  const { sasl, transport } = options
  if (!(transport instanceof TcpTransport) || sasl === undefined) return options
  let reported = false
  const check = ({ name: mechanism, bare }: SaslMechanism, { host, port }: Address): void => {
    if (reported || bare !== true || isLoopback(host)) return
    reported = true
    const name = formatAddress({ host, port })
    process.emitWarning(
      `rx-kafka: ${mechanism} sends ${mechanism === 'PLAIN' ? 'the password' : 'tokens'} to ${name} unencrypted: set option \`ssl\``,
      { code: 'RX_KAFKA_PLAINTEXT' },
    )
    report({ kind: 'plaintext', address: name, mechanism })
  }
  if (typeof sasl === 'function') {
    const checked = async (peer: Parameters<typeof sasl>[0]): Promise<SaslMechanism> => {
      const mechanism = await sasl(peer)
      check(mechanism, peer)
      return mechanism
    }
    return { ...options, sasl: checked }
  }
  const reporting: Transport = {
    connect(address, listener) {
      check(sasl, address)
      return transport.connect(address, listener)
    },
  }
  return { ...options, transport: reporting }
}

function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/i.test(host)
}
