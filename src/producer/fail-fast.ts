import { type MonoTypeOperatorFunction, map } from 'rxjs'
import { describe, KafkaError } from '../errors.js'
import type { Ack } from './record.js'

/** A record failed, in a stream that was to end with the first failure. */
export class RecordFailedError<M = unknown> extends KafkaError {
  readonly ack: Exclude<Ack<M>, { kind: 'acked' }>

  constructor(ack: Exclude<Ack<M>, { kind: 'acked' }>) {
    const cause = ack.kind === 'failed' ? ack.error : ack.cause
    super(`a record of topic ${ack.record.topic} failed: ${describe(cause)}`, { cause })
    this.ack = ack
  }
}

/**
 * Turns the first record that was not acked into an error of the stream; the rest of what was accepted is delivered all
 * the same, unseen. For those who would rather stop than look at each ack.
 *
 * @example await lastValueFrom(records$.pipe(producer.send(), failFast()))
 */
export function failFast<M>(): MonoTypeOperatorFunction<Ack<M>> {
  return map(ack => {
    if (ack.kind !== 'acked') throw new RecordFailedError(ack)
    return ack
  })
}
