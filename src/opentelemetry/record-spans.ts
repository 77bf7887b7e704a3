import { type Attributes, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { Ack, Headers, ProducerRecord } from '../index.js'
import { DESTINATION, ERROR_TYPE, errorType, OFFSET, PARTITION, SEND, TOMBSTONE } from './conventions.js'
import { carriedSpan, inject, own } from './headers.js'

/** Where a record keeps its span; a copy that an interceptor makes by `{ ...record }` keeps it too. */
const SPAN = Symbol('rx-kafka.span')

/** A record that passed {@link RecordSpans.start}. */
interface Traced {
  readonly [SPAN]?: Mark
}

/** What a record is marked with. */
interface Mark {
  readonly owner: RecordSpans
  /** Undefined: it is not sampled. */
  readonly span: Span | undefined
}

interface TopicSpans {
  readonly name: string
  readonly attributes: Attributes
}

/** Topics whose names and attributes are kept; a producer that writes to more makes them again. */
const MOST_TOPICS = 10_000

/** A span for each record, from when it is sent to its ack: `send <topic>`. */
export class RecordSpans {
  readonly #tracer: Tracer
  readonly #topics = new Map<string, TopicSpans>()
  readonly #unsampled: Mark = { owner: this, span: undefined }

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** Returns the record with the span's context in its headers, unless they carry one already. */
  start(record: ProducerRecord): ProducerRecord {
    const { topic } = record
    const headers = own(record.headers)
    const { name, attributes } = this.#spansOf(topic)
    const active = context.active()
    const origin = carriedSpan(headers)
    const links = origin && [{ context: origin }]
    const span = this.#tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes, ...(links && { links }) }, active)
    const recording = span.isRecording()
    if (recording && record.value === null) span.setAttribute(TOMBSTONE, true)
    const mark = recording ? { owner: this, span } : this.#unsampled
    const written = origin === undefined ? inject(trace.setSpan(active, span), headers) : headers
    return marked(record, topic, written, mark)
  }

  end(ack: Ack): void {
    const span = this.spanOf(ack.record)
    if (span === undefined) return
    if (ack.kind === 'acked') {
      span.setAttribute(PARTITION, String(ack.partition))
      if (ack.offset >= 0n) span.setAttribute(OFFSET, Number(ack.offset))
    } else failed(span, ack.error)
    span.end()
  }

  /** Whether the record passed {@link start}. */
  owns(record: object | undefined): boolean {
    return (record as Traced | undefined)?.[SPAN]?.owner === this
  }

  /** Returns the span of a record that is sampled. */
  spanOf(record: object | null | undefined): Span | undefined {
    const mark = (record as Traced | null | undefined)?.[SPAN]
    return mark?.owner === this ? mark.span : undefined
  }

  #spansOf(topic: string): TopicSpans {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const made = { name: `send ${topic}`, attributes: { ...SEND, [DESTINATION]: topic } }
    if (this.#topics.size < MOST_TOPICS) this.#topics.set(topic, made)
    return made
  }
}

/** Returns a copy. Field by field: `{ ...record, [SPAN]: mark }` takes a microsecond. */
function marked(
  { key, value, partition, timestamp, metadata }: ProducerRecord,
  topic: string,
  headers: Headers | undefined,
  mark: Mark,
): ProducerRecord & Traced {
  return { topic, key, value, headers, partition, timestamp, metadata, [SPAN]: mark }
}

/** Records an error on a span. */
export function failed(span: Span, error: Error): void {
  span.recordException(error)
  span.setAttribute(ERROR_TYPE, errorType(error))
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
}
