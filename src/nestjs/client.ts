import { Logger } from '@nestjs/common'
import { ClientProxy, type ProducerSerializer, type ReadPacket } from '@nestjs/microservices'
import { type Observable, ReplaySubject } from 'rxjs'
import { type Acked, InvalidArgumentError, type Producer } from '../index.js'
import { type KafkaMessage, messageSerializer, toRecord } from './message.js'
import { createOwnedProducer, type RxKafkaProducerOptions } from './options.js'

/** The options of a client: a producer that somebody else closes, or the options of one of its own. */
export type RxKafkaClientOptions = (RxKafkaProducerOptions | { readonly producer: Producer }) & {
  /**
   * Makes a message of what `emit()` is given, as that of `ClientKafka` does. Default: as Nest's `KafkaRequestSerializer`. It may return a promise;
   * then records go in the order in which its promises resolve.
   */
  readonly serializer?: ProducerSerializer
}

/** `disconnected` after the last connection was lost, and when the producer has ended. */
export type RxKafkaClientStatus = 'connected' | 'disconnected'

const CONTEXT = 'RxKafkaClient'

/**
 * A client of `@nestjs/microservices` that produces: `emit()` completes when brokers have confirmed the record.
 *
 * @example
 * ClientsModule.register([{ name: 'KAFKA', customClass: RxKafkaClient, options: { brokers: ['localhost:9092'] } }])
 *
 * client.emit('orders', { key: order.id, value: order }).subscribe(({ partition, offset }) => …)
 */
export class RxKafkaClient extends ClientProxy {
  readonly #producer: Producer
  readonly #close: () => Promise<void>
  readonly #logger = new Logger(CONTEXT)
  /** Records whose asynchronous serializers have not settled. */
  readonly #serializing = new Set<Promise<unknown>>()

  /** @throws {InvalidArgumentError} when an option is unknown, out of range or contradicts another one. */
  constructor(options: RxKafkaClientOptions) {
    super()
    const { serializer = messageSerializer, ...rest } = options
    this.serializer = serializer
    if ('producer' in rest) {
      const { producer } = rest
      this.#producer = producer
      this.#close = async () => {}
    } else {
      const { producer, close } = createOwnedProducer(rest, CONTEXT)
      this.#producer = producer
      this.#close = close
    }
    this.#followStatus()
  }

  /** Emits `connected` and `disconnected`. */
  override get status(): Observable<RxKafkaClientStatus> {
    return super.status as Observable<RxKafkaClientStatus>
  }

  /** Resolves when a broker is ready; `emit()` does not need it. @see {@link Producer.connect} */
  override async connect(): Promise<Producer> {
    await this.#producer.connect()
    return this.#producer
  }

  /**
   * Closes the producer that the client has made, which delivers what was emitted; it cannot be connected again. Another producer stays open:
   * who has made it closes it, and that delivers what was emitted here. Nest calls this on shutdown.
   */
  override async close(): Promise<void> {
    await Promise.allSettled(this.#serializing)
    await this.#close()
  }

  /** Returns the producer. */
  override unwrap<T = Producer>(): T {
    return this.#producer as T
  }

  /** Is refused: what happens is in `unwrap().events$`. */
  override on(): never {
    throw new InvalidArgumentError(
      'RxKafkaClient has no on(): subscribe to unwrap().events$ of the client, or to its status',
    )
  }

  /**
   * Sends a record to the topic `pattern` at once, subscribed to or not. The Observable emits its ack and completes when brokers have confirmed
   * the record, and errors with a `RecordFailedError` when it failed. Subscribing again, or later, gives the same ack, and sends nothing.
   *
   * `data` is what `ClientKafka` takes: `{ key, value, headers, partition, timestamp }` with a key or a value, or the value alone. Objects and
   * arrays are written as JSON. A failure that nobody observes is logged.
   *
   * @example await lastValueFrom(client.emit('orders', { key: order.id, value: order, headers: { source: 'web' } }))
   */
  // biome-ignore lint/suspicious/noExplicitAny: as ClientProxy has it.
  override emit<TResult = Acked, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    // Errors with Nest's InvalidMessageException.
    if (isNil(pattern) || isNil(data)) return super.emit(pattern, data)
    return this.#hot(pattern, this.dispatchEvent<TResult>({ pattern, data }))
  }

  /**
   * As {@link emit}, with several records: emits their acks, in their order, when all are confirmed. Errors with the first one that failed; the
   * others are sent all the same.
   *
   * @example await lastValueFrom(client.emitBatch('orders', { messages: orders.map(order => ({ key: order.id, value: order })) }))
   */
  emitBatch(pattern: unknown, data: { readonly messages: readonly unknown[] }): Observable<readonly Acked[]> {
    if (isNil(pattern) || isNil(data)) return super.emit(pattern, data)
    const topic = this.#topicOf(pattern)
    return this.#hot(pattern, Promise.all(data.messages.map(async message => this.#dispatch(topic, message))))
  }

  /**
   * Is refused: request and reply need a consumer for the reply.
   *
   * @throws {InvalidArgumentError} always; it says what to use in its place.
   */
  override send(pattern: unknown): never {
    throw new InvalidArgumentError(
      `send(${JSON.stringify(pattern)}) waits for a reply, which takes a consumer, and RxKafkaClient only produces: use emit(), whose ` +
        'Observable completes when the record is stored; for a reply use a transport made for it, such as TCP, NATS or gRPC, or ClientKafka',
    )
  }

  protected override async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    return (await this.#dispatch(this.#topicOf(pattern), data)) as T
  }

  protected override publish({ pattern }: ReadPacket): never {
    return this.send(pattern)
  }

  /** Accepts the record before it returns, unless its serializer is asynchronous: what is emitted before a shutdown is delivered. */
  #dispatch(topic: string, data: unknown): Promise<Acked> {
    const send = (message: KafkaMessage): Promise<Acked> => this.#producer.sendOne(toRecord(topic, message))
    const message: KafkaMessage | Promise<KafkaMessage> = this.serializer.serialize(data as ReadPacket, {
      pattern: topic,
    })
    if (!(message instanceof Promise)) return send(message)
    // Serialized, it is accepted at once.
    const serialized = message.then(given => ({ sent: send(given) }))
    this.#serializing.add(serialized)
    const forget = (): boolean => this.#serializing.delete(serialized)
    serialized.then(forget, forget)
    return serialized.then(({ sent }) => sent)
  }

  #topicOf(pattern: unknown): string {
    return this.normalizePattern(pattern as string)
  }

  #hot<T>(pattern: unknown, dispatched: Promise<T>): Observable<T> {
    const emitted$ = new ReplaySubject<T>(1)
    dispatched.then(
      value => {
        emitted$.next(value)
        emitted$.complete()
      },
      (error: Error) => {
        if (!emitted$.observed)
          this.#logger.error(`a record for ${JSON.stringify(pattern)} was not written: ${error.message}`)
        emitted$.error(error)
      },
    )
    return emitted$.asObservable()
  }

  #followStatus(): void {
    const connected = new Set<number>()
    this.#producer.events$.subscribe({
      next: event => {
        if (event.kind === 'connected') connected.add(event.nodeId)
        else if (event.kind === 'disconnected') connected.delete(event.nodeId)
        else return
        this._status$.next(connected.size > 0 ? 'connected' : 'disconnected')
      },
      complete: () => this._status$.next('disconnected'),
    })
  }
}

function isNil(value: unknown): value is null | undefined {
  return value === null || value === undefined
}
