import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** Relays TCP connections, whatever they carry: a {@link TcpProxy} reads Kafka's frames, and cannot read them inside of TLS. */
export class Relay implements AsyncDisposable {
  readonly #clients = new Set<Socket>()
  readonly #server = createServer(client => this.#connected(client))
  readonly #target: number

  private constructor(target: number) {
    this.#target = target
  }

  static async start(target: number): Promise<Relay> {
    const relay = new Relay(target)
    await once(relay.#server.listen(0, '127.0.0.1'), 'listening')
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Cuts every connection. */
  cut(): void {
    for (const client of this.#clients) client.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await once(this.#server.close(), 'close')
  }

  #connected(client: Socket): void {
    const broker = connect(this.#target, '127.0.0.1')
    this.#clients.add(client)
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      from.setNoDelay(true).pipe(to)
      from.on('error', () => to.destroy())
      from.once('close', () => to.destroy())
    }
    client.once('close', () => this.#clients.delete(client))
  }
}
