/**
 * Spans and metrics of a producer, after OpenTelemetry's semantic conventions for messaging. Begin with {@link openTelemetry}.
 *
 * @module
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { Ack, Interceptor, ProducerRecord, ProduceTrace } from '../index.js'
import { VERSION } from '../version.js'
import { RecordSpans } from './record-spans.js'
import { Requests } from './requests.js'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** What makes the spans. Default: the global provider. */
  readonly tracerProvider?: TracerProvider
  /** What records the metrics. Default: the global provider. */
  readonly meterProvider?: MeterProvider
}

const SCOPE = 'rx-kafka'

/**
 * Returns an interceptor that makes a span for each record and each Produce request, writes the record's context into its headers with the
 * global propagator, and records the metrics `messaging.client.operation.duration` and `messaging.client.sent.messages`. Put it last among
 * the interceptors: links and metrics find the records by what the last interceptor returns.
 *
 * @example createProducer({ brokers, interceptors: [openTelemetry()] })
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Interceptor {
  return new OpenTelemetry(options)
}

class OpenTelemetry implements Interceptor {
  readonly #options: OpenTelemetryOptions
  #records: RecordSpans | undefined
  #stop = (): void => {}

  constructor(options: OpenTelemetryOptions) {
    this.#options = options
  }

  onSend(record: ProducerRecord): ProducerRecord {
    return (this.#records ?? this.#start()).start(record)
  }

  onAck(ack: Ack): void {
    this.#records?.end(ack)
  }

  onClose(): void {
    this.#stop()
    this.#records = undefined
  }

  /** At the first record: the application may register its providers after it has made the producer. */
  #start(): RecordSpans {
    const tracer = (this.#options.tracerProvider ?? trace).getTracer(SCOPE, VERSION)
    const meter = (this.#options.meterProvider ?? metrics).getMeter(SCOPE, VERSION)
    const records = new RecordSpans(tracer)
    const requests = new Requests(records, tracer, meter)
    const nothing = (): void => {}
    const handlers = {
      start: (message: ProduceTrace) => requests.started(message),
      end: nothing,
      asyncStart: (message: ProduceTrace) => requests.ended(message),
      asyncEnd: nothing,
      error: nothing,
    }
    const channel = tracingChannel<unknown, ProduceTrace>('rx-kafka:produce')
    channel.subscribe(handlers)
    this.#stop = () => void channel.unsubscribe(handlers)
    this.#records = records
    return records
  }
}
