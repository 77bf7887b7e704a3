import { concatMap, Observable, of, type SchedulerLike, type Subscriber, Subscription, switchMap, tap } from 'rxjs'
import {
  ConnectionError,
  describe,
  IdleConnectionError,
  KafkaError,
  MalformedMessageError,
  printable,
  RequestTimeoutError,
} from '../errors.js'
import type { Api, ApiInfo, ResponseCodec } from '../protocol/wire/api.js'
import { decodeCorrelationId, decodeResponseBody, encodeRequestFrame } from '../protocol/wire/message.js'
import { foreignProtocol } from './foreign-protocol.js'
import { FrameReader } from './framing.js'
import { chooseVersion, negotiate, type Offer } from './handshake.js'
import { HandshakeLimit } from './handshake-limit.js'
import { IdleLimit } from './idle-limit.js'
import type { SaslLogin } from './mechanism.js'
import { sessions } from './sasl.js'
import { addressFault, type Destination, formatAddress, type Socket, type Transport } from './transport.js'

export interface ConnectionOptions {
  readonly transport: Transport
  readonly scheduler: SchedulerLike
  readonly clientId: string
  /** For the socket and the handshake together. */
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** After so long without a request the connection is closed; 0: never. */
  readonly idleConnectionMs: number
  readonly maxResponseBytes: number
  /** What the other side must speak for the connection to be of use. */
  readonly requires?: readonly ApiInfo[]
  /** Undefined: no authentication. */
  readonly sasl?: SaslLogin | undefined
  /** Called after authentication to decide whether the connection may be used: an error ends it. */
  readonly admit?: (connection: Connection) => Observable<unknown>
  /** Numbers from 0 up to 1, as Math.random. */
  readonly random: () => number
}

interface PendingRequest {
  readonly api: ResponseCodec<unknown>
  readonly version: number
  readonly correlationId: number
  deadline: number
  readonly subscriber: Subscriber<unknown>
}

/**
 * A connection that lives while it is subscribed to. Emits itself after the handshake, and again whenever it becomes writable after a
 * re-authentication. Errors when it ends, with a {@link ConnectionError}, or with an {@link AuthenticationError} when it can't be made for
 * a permanent reason. Unsubscribing closes the socket.
 */
export function openConnection(address: Destination, options: ConnectionOptions): Observable<Connection> {
  return new Observable(subscriber => {
    const { sasl } = options
    const handshake = (): void => {
      const ready$ = negotiate(connection).pipe(
        switchMap(offer => {
          connection.speak(offer)
          for (const api of options.requires ?? []) connection.version(api)
          return sasl === undefined ? of(undefined) : sessions(connection, sasl, options)
        }),
        tap(() => connection.handshaken()),
        // A renewed session is still with the same broker.
        concatMap((_, i) => (i === 0 && options.admit !== undefined ? options.admit(connection) : of(undefined))),
      )
      subscriber.add(
        ready$.subscribe({
          next: () => {
            connection.resume()
            subscriber.next(connection)
          },
          error: error => connection.close(error),
        }),
      )
    }
    const connection = new Connection(address, options, handshake, error => subscriber.error(error))
    subscriber.add(() => connection.close(new ConnectionError(`the connection to ${connection.name} was closed`)))
  })
}

/**
 * Pipelined requests over one socket. A broker answers a connection's requests in order, so a queue matches the responses, and a
 * correlation id that does not match means that the stream can't be trusted.
 */
export class Connection {
  /** host:port, for messages. */
  readonly name: string
  readonly address: Destination
  readonly #options: ConnectionOptions
  /** None if the transport threw in place of giving one. */
  readonly #socket: Socket | undefined
  readonly #frames: FrameReader
  readonly #onClosed: (error: Error) => void
  readonly #handshakeLimit: HandshakeLimit
  /** Ends a connection that could not be begun. */
  #endTimer: Subscription = Subscription.EMPTY
  /** Fires when the oldest request is due. */
  #requestTimer: Subscription = Subscription.EMPTY
  readonly #idleLimit: IdleLimit
  /** Until when the broker has said to read nothing. */
  #mutedUntil = 0
  /** Sent and not answered, oldest first. */
  #pending: PendingRequest[] = []
  #opened = false
  #offer: Offer | undefined
  #writable = false
  #nextCorrelationId = 0
  #received = false
  #served = false
  #failure: Error | undefined
  #endedByBroker = false
  #endedIdle = false

  constructor(
    address: Destination,
    options: ConnectionOptions,
    onOpened: () => void,
    onClosed: (error: Error) => void,
  ) {
    this.name = formatAddress(address)
    this.address = address
    this.#options = options
    this.#onClosed = onClosed
    this.#frames = new FrameReader(options.maxResponseBytes, message => this.#answered(message))
    this.#idleLimit = new IdleLimit(
      options,
      () => this.#pending.length > 0,
      () => this.#closeIdle(),
    )
    const { scheduler, connectTimeoutMs } = options
    this.#handshakeLimit = new HandshakeLimit(scheduler, connectTimeoutMs, () => this.#tooLate())
    this.#socket = this.#connect(address, onOpened)
  }

  get closed(): boolean {
    return this.#failure !== undefined
  }

  /** Whether it was made, and is closed because the other side ended it. */
  get endedByBroker(): boolean {
    return this.#endedByBroker
  }

  /** Whether its end tells nothing about the broker: either side closed it while nothing was unanswered. */
  get endedIdle(): boolean {
    return this.#endedIdle
  }

  /** Whether a request was answered that was not part of the handshake. */
  get served(): boolean {
    return this.#served
  }

  /** Whether requests may be sent now: the handshake is done, and no re-authentication is under way. */
  get writable(): boolean {
    return this.#writable && this.#failure === undefined
  }

  /** Called by the handshake: from here on requests are sent in the versions that both sides speak. */
  speak(offer: Offer): void {
    this.#offer = offer
  }

  /** Called when the handshake is done: what is asked from here on has a time of its own, `requestTimeoutMs`. */
  handshaken(): void {
    this.#handshakeLimit.stop()
  }

  /** Called when the connection may be used, for the first time or after a re-authentication. */
  resume(): void {
    this.#writable = true
    this.#idleLimit.start()
  }

  /** Called when a re-authentication begins: nothing else may be sent until {@link resume}. */
  suspend(): void {
    this.#writable = false
  }

  /** The version of a feature that is in force in the cluster; 0: none. */
  feature(name: string): number {
    return this.#offer?.features.get(name) ?? 0
  }

  /** The highest version that both sides speak. @throws {UnsupportedVersionError} when there is none. */
  version(api: ApiInfo): number {
    return chooseVersion(api, this.#offer, this.name)
  }

  /**
   * Sends a request synchronously on subscription, and emits its response. Errors when the connection ends first; a request that was
   * written may still have been carried out. Unsubscribing does not take it back. Only while the connection is {@link writable}, except
   * for the handshake itself.
   */
  request<Q, S>(api: Api<Q, S>, request: Q, version?: number): Observable<S> {
    return new Observable<S>(subscriber => {
      if (this.#failure !== undefined) {
        subscriber.error(this.#failure)
        return
      }
      const spoken = version ?? this.version(api)
      const correlationId = this.#nextCorrelationId++ & 0x7fffffff
      const now = this.#options.scheduler.now()
      // A session that is renewed for nobody does not count.
      if (this.#writable) this.#idleLimit.used(now)
      this.#pending.push({
        api,
        version: spoken,
        correlationId,
        deadline: Math.max(now, this.#mutedUntil) + this.#options.requestTimeoutMs,
        subscriber: subscriber as Subscriber<unknown>,
      })
      this.#socket?.write(encodeRequestFrame(api, spoken, correlationId, this.#options.clientId, request))
      this.#watch()
    })
  }

  close(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    const owed = this.#pending.length > 0
    this.#endedIdle = error instanceof IdleConnectionError || (this.#endedByBroker && this.#served && !owed)
    this.#handshakeLimit.stop()
    this.#endTimer.unsubscribe()
    this.#requestTimer.unsubscribe()
    this.#idleLimit.stop()
    this.#socket?.destroy()
    const pending = this.#pending
    this.#pending = []
    for (const request of pending) request.subscriber.error(error)
    this.#onClosed(error)
  }

  #tooLate(): void {
    const phase = this.#opened ? 'the handshake was not done' : 'no connection was made'
    const limit = `${this.#options.connectTimeoutMs} ms (option \`connectTimeoutMs\`)`
    this.close(new ConnectionError(`${phase} within ${limit}`))
  }

  /** Whatever a transport throws is a connection that could not be made, and is told as such: later, as any other is. */
  #connect(address: Destination, onOpened: () => void): Socket | undefined {
    const { transport, scheduler } = this.#options
    try {
      const fault = addressFault(address)
      if (fault !== undefined) throw new ConnectionError(`nobody can be reached at '${this.name}': ${fault}`)
      return transport.connect(address, {
        opened: () => {
          this.#opened = true
          onOpened()
        },
        received: chunk => this.#receive(chunk),
        closed: error => this.close(this.#explainClose(error)),
      })
    } catch (cause) {
      const error = new ConnectionError(`no connection: ${printable(describe(cause))}`, { cause })
      this.#handshakeLimit.stop()
      this.#endTimer = scheduler.schedule(() => this.close(error))
      return undefined
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return
    try {
      this.#frames.push(chunk)
    } catch (error) {
      const stranger = this.#received ? undefined : foreignProtocol(chunk)
      this.close(new ConnectionError(this.#explainMalformed(printable(describe(error)), stranger), { cause: error }))
    }
    this.#received = true
  }

  #answered(message: Buffer): void {
    // Frames that follow a fatal one in the same chunk.
    if (this.#failure !== undefined) return
    const correlationId = decodeCorrelationId(message)
    const request = this.#pending[0]
    if (request === undefined || request.correlationId !== correlationId) {
      const expected = request === undefined ? 'no request waits for one' : `the request has ${request.correlationId}`
      throw new MalformedMessageError(`the answer has correlation id ${correlationId}, but ${expected}`)
    }
    const response = decodeResponseBody(request.api, request.version, message)
    this.#pending.shift()
    const now = this.#options.scheduler.now()
    if (this.#writable) {
      this.#served = true
      this.#idleLimit.used(now)
    }
    this.#muted(now, response)
    request.subscriber.next(response)
    request.subscriber.complete()
  }

  /** A broker that throttles answers first, and then reads nothing for so long (KIP-219): what it has not read is answered later. */
  #muted(now: number, response: unknown): void {
    const { throttleTimeMs = 0 } = response as { readonly throttleTimeMs?: number }
    if (throttleTimeMs <= 0) return
    this.#mutedUntil = Math.max(now, this.#mutedUntil) + throttleTimeMs
    for (const request of this.#pending) request.deadline += throttleTimeMs
    this.#handshakeLimit.extend(throttleTimeMs)
  }

  /** One timer, for the oldest request: deadlines come in the order of the requests. */
  #watch(): void {
    const oldest = this.#pending[0]
    if (!this.#requestTimer.closed || oldest === undefined || this.#failure !== undefined) return
    const { scheduler, requestTimeoutMs } = this.#options
    const fire = (): void => {
      // It has fired, though it does not count as closed while this runs.
      this.#requestTimer = Subscription.EMPTY
      const late = this.#pending[0]
      if (late === undefined || late.deadline > scheduler.now()) {
        this.#watch()
        return
      }
      this.close(
        new RequestTimeoutError(
          `the broker at ${this.name} did not answer ${late.api.name} within ${requestTimeoutMs} ms (option \`requestTimeoutMs\`)${this.#cutOff()}`,
        ),
      )
    }
    this.#requestTimer = scheduler.schedule(fire, Math.max(0, oldest.deadline - scheduler.now()))
  }

  /** Before the broker does it (its `connections.max.idle.ms`), which could lose a request that crosses its end. */
  #closeIdle(): void {
    const why = `it had no request for ${this.#options.idleConnectionMs} ms (option \`idleConnectionMs\`)`
    this.close(new IdleConnectionError(`the connection to ${this.name} was closed: ${why}`))
  }

  #cutOff(): string {
    const { incomplete } = this.#frames
    return incomplete === undefined
      ? ''
      : `; an answer was cut off: it announces ${incomplete.size} bytes, of which ${incomplete.received} came`
  }

  /** What was asked of whom, what came, and what to do about it. */
  #explainMalformed(fault: string, stranger: string | undefined): string {
    const { name } = this
    if (stranger !== undefined) return `${stranger}; check host and port in option \`brokers\` (${name})`
    const asked = this.#pending[0]
    const what =
      asked === undefined
        ? 'sent bytes that no request asked for'
        : `answered ${asked.api.name} (version ${asked.version}) with bytes that cannot be read`
    return `the broker at ${name} ${what}: ${fault}; ${this.#remedy()}`
  }

  #remedy(): string {
    const oversize = (this.#frames.refused ?? -1) >= 0
    const raise = `raise option \`maxResponseBytes\` (${this.#options.maxResponseBytes}) if answers may be that large`
    // Until it has answered ApiVersions, it may be anything that listens.
    if (this.#offer === undefined) {
      return `check that option \`brokers\` names Kafka brokers${oversize ? `, or ${raise}` : ''}`
    }
    return oversize ? raise : 'check that it is Kafka 2.1 to 4.x, with no proxy that changes what it sends'
  }

  #explainClose(error: Error | undefined): Error {
    // The transport knows more of it.
    if (error instanceof KafkaError) return error
    if (!this.#opened) {
      return new ConnectionError(`no connection: ${error ? printable(describe(error)) : 'it was closed'}`, {
        cause: error,
      })
    }
    this.#endedByBroker = true
    const how = error === undefined ? 'was closed by the broker' : `broke: ${printable(describe(error))}`
    return new ConnectionError(`the connection to ${this.name} ${how}${this.#cutOff()}${this.#hint()}`, {
      cause: error,
    })
  }

  /** What may be wrong with a connection that never was of use. */
  #hint(): string {
    if (!this.#received)
      return '; it ended before any answer: so does a listener that expects TLS (option `ssl`), a broker that has as many connections as it allows (its `max.connections.per.ip`), or a proxy without a broker'
    if (this.#served || this.#pending.length === 0 || this.#options.sasl !== undefined) return ''
    return '; it ended at the first request: so does a listener that expects SASL (option `sasl`), or a proxy without a broker'
  }
}
