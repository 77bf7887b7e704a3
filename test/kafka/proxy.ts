import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What becomes of a frame. */
export type Fate =
  /** It goes nowhere, and the connection stands. */
  | { readonly kind: 'swallow' }
  /** Its first bytes go on, or none, and the connection is cut. */
  | { readonly kind: 'cut'; readonly after: number }
  /** It goes on later, and what is behind it on its connection too. */
  | { readonly kind: 'delay'; readonly ms: number }

/** Which frames are hit, and by what. */
export interface Fault {
  /** Requests that come from now on, or the replies to them. */
  readonly on: 'request' | 'reply'
  /** Only frames of this API, by its key. */
  readonly api?: number
  /** So many pass first. Default 0. */
  readonly skip?: number
  /** So many are hit then. Default 1. */
  readonly times?: number
  readonly fate: Fate
}

interface PendingFault {
  readonly fault: Fault
  skip: number
  /** Frames that are still to be chosen, and those to be hit. */
  choose: number
  hit: number
  readonly done: () => void
}

/** A client's connection, and the one to the broker that stands for it. */
interface Link {
  readonly client: Socket
  readonly broker: Socket
  /** What is to happen to replies, by correlation id. */
  readonly replies: Map<number, PendingFault>
}

/**
 * Stands between clients and one broker, on loopback, and does to their frames what networks do. It reads sizes, API keys
 * and correlation ids, so that it can pick a request or its reply; a frame is passed on when it is complete.
 */
export class TcpProxy implements AsyncDisposable {
  readonly port: number
  /** Bytes a second from all clients to the broker. Undefined: as fast as it goes. */
  rate: number | undefined
  readonly #target: number
  readonly #links = new Set<Link>()
  readonly #stopped = new AbortController()
  #server: Server
  #faults: PendingFault[] = []
  /** Resolved, except while everything is held. */
  #open: Promise<void> = Promise.resolve()
  #release: () => void = () => {}
  /** When the bytes that went on so far have gone, at the rate. */
  #busyUntil = 0

  private constructor(target: number, server: Server) {
    this.#target = target
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', client => this.#connected(client))
  }

  static async start(target: number, port = 0): Promise<TcpProxy> {
    return new TcpProxy(target, await listen(port))
  }

  /** Connections that stand. */
  get connections(): number {
    return this.#links.size
  }

  /** Has a fault happen to the next frames that it is meant for. Resolves when the last of them was hit. */
  inject(fault: Fault): Promise<void> {
    return new Promise(done => {
      const { skip = 0, times = 1 } = fault
      this.#faults.push({ fault, skip, choose: times, hit: times, done })
    })
  }

  /** Cuts every connection. */
  cut(): void {
    for (const link of [...this.#links]) sever(link)
  }

  /** Nothing gets through, and nobody is told: a black hole. What was on its way arrives after {@link heal}. */
  hold(): void {
    this.#open = new Promise(resolve => {
      this.#release = resolve
    })
  }

  /** Nobody listens on the port any more; what stands is cut. */
  refuse(): void {
    this.#server.close()
    this.cut()
  }

  /** Everything as it should be again. */
  async heal(): Promise<void> {
    this.#faults = []
    this.rate = undefined
    this.#open = Promise.resolve()
    this.#release()
    if (this.#server.listening) return
    this.#server = await listen(this.port)
    this.#server.on('connection', client => this.#connected(client))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort()
    this.#release()
    this.refuse()
  }

  #connected(client: Socket): void {
    const broker = connect({ host: '127.0.0.1', port: this.#target, noDelay: true })
    // What goes wrong ends the loops below.
    client.on('error', () => {})
    broker.on('error', () => {})
    const link: Link = { client, broker, replies: new Map() }
    this.#links.add(link)
    broker.once('close', () => {
      this.#links.delete(link)
      // Their replies will not come: others are hit instead.
      for (const pending of link.replies.values()) pending.choose++
    })
    void this.#pump(link, 'request', client, broker)
    void this.#pump(link, 'reply', broker, client)
  }

  /** Passes frames on, in order. A frame on its way arrives even if its sender has gone meanwhile. */
  async #pump(link: Link, on: Fault['on'], from: Socket, to: Socket): Promise<void> {
    try {
      for await (const frame of frames(from)) {
        const fate = on === 'request' ? this.#requested(link, frame) : this.#replied(link, frame)
        if (fate?.kind === 'swallow') continue
        if (fate?.kind === 'cut') {
          await this.#write(to, frame.subarray(0, fate.after), undefined)
          sever(link)
          return
        }
        if (fate?.kind === 'delay') await sleep(fate.ms, undefined, { signal: this.#stopped.signal })
        await this.#write(to, frame, on === 'request' ? this.rate : undefined)
      }
    } catch {
      // The sender was cut off, or this proxy has stopped.
    }
    to.end()
  }

  #requested({ replies }: Link, frame: Buffer): Fate | undefined {
    const api = frame.readInt16BE(4)
    const hit = this.#choose('request', api)
    if (hit !== undefined) return strike(hit)
    const reply = this.#choose('reply', api)
    if (reply !== undefined) replies.set(frame.readInt32BE(8), reply)
    return undefined
  }

  #replied({ replies }: Link, frame: Buffer): Fate | undefined {
    const correlationId = frame.readInt32BE(4)
    const hit = replies.get(correlationId)
    replies.delete(correlationId)
    return hit && strike(hit)
  }

  /** The fault that is meant for a request, or for the reply to it. */
  #choose(on: Fault['on'], api: number): PendingFault | undefined {
    for (const pending of this.#faults) {
      const { fault } = pending
      if (fault.on !== on || (fault.api !== undefined && fault.api !== api) || pending.choose === 0) continue
      if (pending.skip === 0) {
        pending.choose--
        return pending
      }
      pending.skip--
    }
    return undefined
  }

  async #write(to: Socket, bytes: Buffer, rate: number | undefined): Promise<void> {
    // Slices of a twentieth of a second, so that a large frame is slow, not late.
    const slice = rate === undefined ? bytes.length : Math.ceil(rate / 20)
    for (let from = 0; from < bytes.length; from += slice) {
      await this.#open
      const part = bytes.subarray(from, from + slice)
      if (rate !== undefined) {
        this.#busyUntil = Math.max(this.#busyUntil, performance.now()) + (part.length / rate) * 1000
        await sleep(this.#busyUntil - performance.now(), undefined, { signal: this.#stopped.signal })
      }
      await new Promise<void>(resolve => to.write(part, () => resolve()))
    }
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer({ noDelay: true }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function strike(pending: PendingFault): Fate {
  if (--pending.hit === 0) pending.done()
  return pending.fault.fate
}

function sever({ client, broker }: Link): void {
  for (const socket of [client, broker]) {
    // After its own end a socket can't be reset, and Node 20 then never closes it: the process would not exit.
    if (socket.writableEnded) socket.destroy()
    else socket.resetAndDestroy()
  }
}

/** The frames of a stream, each with its size in front. */
async function* frames(socket: Socket): AsyncGenerator<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    for (;;) {
      if (bytes.length < 4) break
      const end = 4 + bytes.readInt32BE(0)
      if (bytes.length < end) break
      yield bytes.subarray(0, end)
      bytes = bytes.subarray(end)
    }
  }
}
