import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import type { InstrumentationEvent, Logger, ProducerEvents } from 'kafkajs'
import { type ProduceTrace, RequestTimeoutError } from '../index.js'
import { KafkaJSNonRetriableError } from './errors.js'

type Listener = (event: InstrumentationEvent<unknown>) => unknown

const EVENTS: ProducerEvents = {
  CONNECT: 'producer.connect',
  DISCONNECT: 'producer.disconnect',
  REQUEST: 'producer.network.request',
  REQUEST_TIMEOUT: 'producer.network.request_timeout',
  REQUEST_QUEUE_SIZE: 'producer.network.request_queue_size',
}

const NAMES: readonly string[] = Object.values(EVENTS)

/** Those that come from the tracing channel, which is only subscribed to while somebody listens. */
const TRACED: readonly string[] = [EVENTS.REQUEST, EVENTS.REQUEST_TIMEOUT]

const PRODUCE = { apiKey: 0, apiName: 'Produce', apiVersion: -1 }

let events = 0

/** The events of kafkajs's producer: `producer.events` and `producer.on()`. */
export class Instrumentation {
  readonly events: ProducerEvents = EVENTS
  readonly #emitter = new EventEmitter()
  readonly #logger: Logger
  readonly #owns: (producer: object) => boolean
  readonly #channel: TracingChannel<unknown, ProduceTrace> = tracingChannel('rx-kafka:produce')
  readonly #started = new WeakMap<object, number>()
  #traces = false
  #connected = false
  #requests = 0

  /** @param owns whether a producer whose requests are traced is the one that these events are of. */
  constructor(logger: Logger, owns: (producer: object) => boolean) {
    this.#logger = logger
    this.#owns = owns
    // No warning, however many listeners there are.
    this.#emitter.setMaxListeners(0)
  }

  /** @throws {KafkaJSNonRetriableError} for an event that there is not. */
  readonly on = (name: string, listener: Listener): (() => void) => {
    if (!NAMES.includes(name)) {
      const keys = Object.keys(EVENTS).map(key => `producer.events.${key}`)
      throw new KafkaJSNonRetriableError(`Event name should be one of ${keys.join(', ')}`)
    }
    const guarded = (event: InstrumentationEvent<unknown>): void => void this.#tell(name, listener, event)
    this.#emitter.on(name, guarded)
    this.#follow()
    return () => {
      this.#emitter.off(name, guarded)
      this.#follow()
    }
  }

  connected(): void {
    this.#connected = true
    this.#follow()
    this.#emit(EVENTS.CONNECT, undefined)
  }

  disconnected(): void {
    this.#connected = false
    this.#follow()
    this.#emit(EVENTS.DISCONNECT, undefined)
  }

  async #tell(eventName: string, listener: Listener, event: InstrumentationEvent<unknown>): Promise<void> {
    try {
      await listener(event)
    } catch (error) {
      const { message, stack } = error as Error
      this.#logger.error(`Failed to execute listener: ${message}`, { eventName, stack })
    }
  }

  #emit(type: string, payload: unknown): void {
    if (this.#emitter.listenerCount(type) === 0) return
    this.#emitter.emit(type, { id: events++, type, timestamp: Date.now(), payload })
  }

  /** Subscribes to the tracing channel, or leaves it. */
  #follow(): void {
    const wanted = this.#connected && TRACED.some(name => this.#emitter.listenerCount(name) > 0)
    if (wanted === this.#traces) return
    this.#traces = wanted
    if (wanted) this.#channel.subscribe(this.#handlers)
    else this.#channel.unsubscribe(this.#handlers)
  }

  readonly #handlers = {
    start: (message: ProduceTrace): void => {
      if (this.#owns(message.producer)) this.#started.set(message, Date.now())
    },
    end: (): void => {},
    asyncStart: (message: ProduceTrace): void => this.#ended(message),
    asyncEnd: (): void => {},
    error: (): void => {},
  }

  #ended(message: ProduceTrace): void {
    const sentAt = this.#started.get(message)
    if (sentAt === undefined) return
    const { address: broker, clientId, results, error } = message
    // A request is made when it can be sent, so it never waits.
    const times = { createdAt: sentAt, sentAt, pendingDuration: 0 }
    const request = { ...PRODUCE, broker, clientId, correlationId: this.#requests++, ...times }
    if (results !== undefined) {
      this.#emit(EVENTS.REQUEST, { ...request, duration: Date.now() - sentAt, size: -1 })
    } else if (error instanceof RequestTimeoutError) {
      this.#emit(EVENTS.REQUEST_TIMEOUT, request)
    }
  }
}
