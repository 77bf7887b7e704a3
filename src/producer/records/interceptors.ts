import { KafkaError } from '../../errors.js'
import { InterceptedRecord } from '../model/intercepted-record.js'
import type { Interceptor, InterceptorFailed } from '../model/interceptor.js'
import type { Ack, ProducerRecord } from '../model/record.js'
import type { Maker } from './maker.js'
import { show } from './read-record.js'
import type { Made } from './serializer.js'

/** Calls the interceptors of a producer, in their order. What they throw fails no record. */
export class Interceptors {
  readonly #interceptors: readonly Interceptor[]
  readonly #failed: InterceptorFailed

  constructor(interceptors: readonly Interceptor[], failed: InterceptorFailed) {
    this.#interceptors = interceptors
    this.#failed = failed
  }

  /** Returns the record to send. What is no record at all is left for the producer to refuse. */
  intercept(original: ProducerRecord): ProducerRecord {
    if (typeof original !== 'object' || original === null) return original
    const stages: ProducerRecord[] = []
    let record: ProducerRecord = original
    for (const interceptor of this.#interceptors) {
      record = this.#stage(interceptor, record)
      stages.push(record)
    }
    return new InterceptedRecord(original, stages)
  }

  /** @param ackWith returns the ack of the record, with the record as an interceptor returned it. */
  acked(record: ProducerRecord, ackWith: (record: ProducerRecord) => Ack): void {
    const stages = record instanceof InterceptedRecord ? record.stages : undefined
    for (const [i, interceptor] of this.#interceptors.entries()) {
      if (interceptor.onAck === undefined) continue
      try {
        interceptor.onAck(ackWith(stages?.[i] ?? record))
      } catch (error) {
        this.#failed('onAck', error)
      }
    }
  }

  /** The producer has ended. */
  closed(): void {
    for (const interceptor of this.#interceptors) {
      try {
        interceptor.onClose?.()
      } catch (error) {
        this.#failed('onClose', error)
      }
    }
  }

  #stage(interceptor: Interceptor, record: ProducerRecord): ProducerRecord {
    if (interceptor.onSend === undefined) return record
    try {
      const made: unknown = interceptor.onSend(record)
      if (typeof made === 'object' && made !== null && typeof (made as { then?: unknown }).then !== 'function')
        return made as ProducerRecord
      const what = (made as { then?: unknown } | undefined)?.then === undefined ? show(made) : 'a promise'
      this.#failed('onSend', new KafkaError(`onSend() of an interceptor returned ${what}; it must return a record`))
    } catch (error) {
      this.#failed('onSend', error)
    }
    return record
  }
}

/** Makes records as `maker` does, or takes the data for records, for a producer with interceptors. */
export class InterceptingMaker<I> implements Maker<I> {
  readonly intercept: (record: ProducerRecord) => ProducerRecord
  readonly #maker: Maker<I> | undefined

  constructor(maker: Maker<I> | undefined, interceptors: Interceptors) {
    this.#maker = maker
    this.intercept = record => interceptors.intercept(record)
  }

  get concurrency(): number | undefined {
    return this.#maker?.concurrency
  }

  make(data: I): Made<unknown> | Promise<Made<unknown>> {
    return this.#maker?.make(data) ?? (data as ProducerRecord)
  }

  standIn(data: I): ProducerRecord {
    return this.#maker?.standIn(data) ?? (data as ProducerRecord)
  }
}
