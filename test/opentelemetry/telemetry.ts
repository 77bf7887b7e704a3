import { context, propagation } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { Interceptor } from '../../src/index.js'
import { openTelemetry } from '../../src/opentelemetry/index.js'
import { startWorld, type World, type WorldOptions } from '../support/world.js'

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())

/** The real SDK, with exporters in memory. */
export class Telemetry {
  readonly #spans = new InMemorySpanExporter()
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  readonly tracerProvider: BasicTracerProvider
  readonly meterProvider: MeterProvider
  readonly #reader: PeriodicExportingMetricReader

  constructor(sampler?: Sampler) {
    const spanProcessors = [new SimpleSpanProcessor(this.#spans)]
    this.tracerProvider = new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) })
    this.#reader = new PeriodicExportingMetricReader({
      exporter: this.#metrics,
      exportIntervalMillis: 1e8,
      exportTimeoutMillis: 1e7,
    })
    this.meterProvider = new MeterProvider({ readers: [this.#reader] })
  }

  interceptor(): Interceptor {
    return openTelemetry({ tracerProvider: this.tracerProvider, meterProvider: this.meterProvider })
  }

  /** The spans of records, and of requests. */
  spans(name: RegExp): ReadableSpan[] {
    return this.#spans.getFinishedSpans().filter(span => name.test(span.name))
  }

  async points<T>(name: string): Promise<DataPoint<T>[]> {
    await this.#reader.forceFlush()
    const all =
      this.#metrics
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? []
    return all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<T>[])
  }

  end(): Promise<void> {
    return this.meterProvider.shutdown()
  }
}

export function world(interceptors: readonly Interceptor[], options: WorldOptions = {}): Promise<World> {
  return startWorld({
    latencyMs: 1,
    ...options,
    cluster: { topics: { t: { partitions: 2 } }, ...options.cluster },
    producer: { clientId: 'me', interceptors, ...options.producer },
  })
}
