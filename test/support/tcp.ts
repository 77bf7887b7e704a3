import { TcpTransport } from '../../src/transport/tcp.js'

export const tcp: TcpTransport = new TcpTransport(10_000)
