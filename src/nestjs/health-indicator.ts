import { Inject, Injectable } from '@nestjs/common'
import { ModuleRef } from '@nestjs/core'
import type { Producer, ProducerHealth } from '../index.js'
import { getProducerToken } from './tokens.js'

/** What Terminus takes as the result of a check: `HealthIndicatorResult`. */
export type HealthResult<K extends string> = Record<
  K,
  { readonly status: 'up' | 'down'; readonly message?: string } & Omit<ProducerHealth, 'error'>
>

/** Which producer is checked, and what counts as ready. */
export interface ReadinessOptions {
  /** The `name` that the producer's module was given. Default: the one without a name. */
  readonly name?: string
  /** How long a producer that is not connected yet may take to connect, in ms. Default: 1000. */
  readonly connectTimeoutMs?: number
  /** The age of the oldest record without an ack from which on the producer is not ready, in ms. Default: 30000. */
  readonly maxRecordAgeMs?: number
  /** The share of `bufferMemory` from which on the producer is not ready, from 0 to 1. Default: 0.8. */
  readonly maxBufferShare?: number
}

/**
 * Checks for `@nestjs/terminus`, built on `producer.health()`.
 *
 * @example
 * constructor(private readonly health: HealthCheckService, private readonly kafka: RxKafkaHealthIndicator) {}
 *
 * ready() {
 *   return this.health.check([() => this.kafka.isReady('kafka')])
 * }
 */
export class RxKafkaHealthIndicator {
  readonly #modules: ModuleRef

  constructor(modules: ModuleRef) {
    this.#modules = modules
  }

  /**
   * For a liveness probe: down when the producer has ended, because of a fatal error or `close()`. While brokers are away it is up: a restart
   * would not bring them back, and would lose what the producer has accepted.
   *
   * @param key the name of the check in the result.
   */
  isLive<const K extends string>(key: K, { name }: Pick<ReadinessOptions, 'name'> = {}): HealthResult<K> {
    const health = this.#producer(name).health()
    const { state } = health
    return result(key, health, state === 'failed' || state === 'closed' ? ended(health) : undefined)
  }

  /**
   * For a readiness probe: connects the producer if it is not connected yet, and is up when it is, its oldest record without an ack is
   * younger than `maxRecordAgeMs`, and its buffer is filled less than `maxBufferShare`.
   *
   * @param key the name of the check in the result.
   */
  async isReady<const K extends string>(key: K, options: ReadinessOptions = {}): Promise<HealthResult<K>> {
    const { name, connectTimeoutMs = 1_000, maxRecordAgeMs = 30_000, maxBufferShare = 0.8 } = options
    const producer = this.#producer(name)
    const unconnected = await connectError(producer, connectTimeoutMs)
    const health = producer.health()
    const { state, oldestRecordAgeMs, bufferUsedBytes, bufferTotalBytes } = health
    const down =
      state === 'starting'
        ? `the producer is not connected: ${unconnected}`
        : state !== 'ready'
          ? ended(health)
          : oldestRecordAgeMs >= maxRecordAgeMs
            ? `the oldest record has had no ack for ${Math.round(oldestRecordAgeMs)} ms (\`maxRecordAgeMs\` is ${maxRecordAgeMs})`
            : bufferUsedBytes >= maxBufferShare * bufferTotalBytes
              ? `${bufferUsedBytes} of ${bufferTotalBytes} bytes of the buffer are used (\`maxBufferShare\` is ${maxBufferShare})`
              : undefined
    return result(key, health, down)
  }

  #producer(name: string | undefined): Producer {
    return this.#modules.get(getProducerToken(name), { strict: false })
  }
}
Injectable()(RxKafkaHealthIndicator)
Inject(ModuleRef)(RxKafkaHealthIndicator, undefined, 0)

/** Why the producer could not connect in time, or that it is still trying. */
async function connectError(producer: Producer, timeoutMs: number): Promise<string | undefined> {
  if (producer.health().state !== 'starting') return undefined
  try {
    await producer.connect({ signal: AbortSignal.timeout(timeoutMs) })
    return undefined
  } catch (error) {
    const { name, message } = error as Error
    return name === 'TimeoutError' ? `no broker was ready within ${timeoutMs} ms (\`connectTimeoutMs\`)` : message
  }
}

function ended({ state, error }: ProducerHealth): string {
  return error === undefined ? `the producer is ${state}` : `the producer has failed: ${error.message}`
}

function result<K extends string>(key: K, health: ProducerHealth, message: string | undefined): HealthResult<K> {
  const { error: _, ...details } = health
  const check = message === undefined ? { status: 'up' as const } : { status: 'down' as const, message }
  return { [key]: { ...details, ...check } } as HealthResult<K>
}
