import {
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { ProduceTrace, ProduceTraceBatch } from '../index.js'
import {
  BATCH_MESSAGE_COUNT,
  CLIENT_ID,
  DESTINATION,
  ERROR_TYPE,
  errorType,
  PARTITION,
  PRODUCE,
  SERVER_ADDRESS,
  SERVER_PORT,
} from './conventions.js'
import { failed, type RecordSpans } from './record-spans.js'

/** The boundaries that the conventions recommend, in seconds. */
const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

/** Links of one span: the SDK's default limit, and beyond it they are dropped. */
const MOST_LINKS = 128

interface Request {
  readonly span: Span | undefined
  readonly sentAt: number
  readonly attributes: Attributes
}

/**
 * A span for each Produce request that carries a sampled record, linked to the spans of its records; and the metrics of all requests.
 * Handlers of the channel `rx-kafka:produce`. Others' requests are ignored: the first record of a batch says whose it is.
 */
export class Requests {
  readonly #records: RecordSpans
  readonly #tracer: Tracer
  readonly #duration: Histogram
  readonly #sent: Counter
  readonly #underway = new WeakMap<ProduceTrace, Request>()

  constructor(records: RecordSpans, tracer: Tracer, meter: Meter) {
    this.#records = records
    this.#tracer = tracer
    this.#duration = meter.createHistogram('messaging.client.operation.duration', {
      unit: 's',
      description: 'Duration of messaging operation initiated by a producer or consumer client.',
      advice: { explicitBucketBoundaries: BOUNDARIES },
    })
    this.#sent = meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Number of messages producer attempted to send to the broker.',
    })
  }

  started(message: ProduceTrace): void {
    const { batches } = message
    const spans: Span[] = []
    for (const [i, { records }] of batches.entries()) {
      if (i === 0 && !this.#records.owns(records[0])) return
      for (const record of records) {
        const span = this.#records.spanOf(record)
        if (span !== undefined) spans.push(span)
      }
    }
    const attributes = attributesOf(message)
    this.#underway.set(message, {
      span: spans.length === 0 ? undefined : this.#span(batches, attributes, spans),
      sentAt: performance.now(),
      attributes,
    })
  }

  ended(message: ProduceTrace): void {
    const { batches, results, error } = message
    const request = this.#underway.get(message)
    if (request === undefined) return
    this.#underway.delete(message)
    const { span, sentAt, attributes } = request
    const why = error ?? results?.find(result => result.error !== undefined)?.error
    const failure = why && { [ERROR_TYPE]: errorType(why) }
    this.#duration.record((performance.now() - sentAt) / 1000, { ...attributes, ...failure })
    for (const [i, { topic, partition, count }] of batches.entries()) {
      const own = error ?? results?.[i]?.error
      this.#sent.add(count, {
        ...attributes,
        [DESTINATION]: topic,
        [PARTITION]: String(partition),
        ...(own && { [ERROR_TYPE]: errorType(own) }),
      })
    }
    if (span === undefined) return
    if (why !== undefined) failed(span, why)
    span.end()
  }

  /** A child of the first record's span, so that it is sampled because the record is; linked to the spans of all. */
  #span(batches: readonly ProduceTraceBatch[], attributes: Attributes, spans: readonly Span[]): Span {
    const topic = attributes[DESTINATION]
    const count = batches.reduce((sum, batch) => sum + batch.count, 0)
    const [only] = batches
    return this.#tracer.startSpan(
      topic === undefined ? 'produce' : `produce ${topic}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          ...attributes,
          [BATCH_MESSAGE_COUNT]: count,
          ...(batches.length === 1 && { [PARTITION]: String(only!.partition) }),
        },
        links: spans.slice(0, MOST_LINKS).map(span => ({ context: span.spanContext() })),
      },
      trace.setSpan(ROOT_CONTEXT, spans[0]!),
    )
  }
}

function attributesOf({ clientId, address, batches }: ProduceTrace): Attributes {
  const [first, ...others] = batches
  const oneTopic = others.every(({ topic }) => topic === first!.topic)
  const colon = address.lastIndexOf(':')
  return {
    ...PRODUCE,
    [CLIENT_ID]: clientId,
    [SERVER_ADDRESS]: address.slice(0, colon),
    [SERVER_PORT]: Number(address.slice(colon + 1)),
    ...(oneTopic && { [DESTINATION]: first!.topic }),
  }
}
