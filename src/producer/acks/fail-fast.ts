import { map, type OperatorFunction } from 'rxjs'
import { describe, KafkaError } from '../../errors.js'
import type { Ack, Acked, Failed } from '../model/record.js'
import { topicOf } from '../model/record-topic.js'

/** A record failed, in a stream that was to end with the first failure. */
export class RecordFailedError<M = unknown> extends KafkaError {
  readonly ack: Failed<M>

  constructor(ack: Failed<M>) {
    const topic = topicOf(ack.record)
    super(`a record${topic === '' ? '' : ` of topic ${topic}`} failed: ${describe(ack.error)}`, { cause: ack.error })
    this.ack = ack
  }

  /** `maybe`: the record was sent and never definitely answered, so it may be readable. `no`: it is not. */
  get persisted(): 'no' | 'maybe' {
    return this.ack.persisted
  }
}

/**
 * Turns the first record that was not acked into an error of the stream; the rest of what was accepted is delivered all
 * the same, unseen. For those who would rather stop than look at each ack.
 *
 * @example await lastValueFrom(records$.pipe(producer.send(), failFast()))
 */
export function failFast<M>(): OperatorFunction<Ack<M>, Acked<M>> {
  return map(ack => {
    if (ack.kind === 'failed') throw new RecordFailedError(ack)
    return ack
  })
}
