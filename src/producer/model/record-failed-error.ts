import { describe, KafkaError } from '../../errors.js'
import type { Failed } from './record.js'
import { topicOf } from './record-topic.js'

/** A record failed: thrown by `sendOne()`, `failFast()` and streams without `onFailed`. */
export class RecordFailedError<M = unknown> extends KafkaError {
  /** The ack of the record. */
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
