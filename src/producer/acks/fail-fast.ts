import { map, type OperatorFunction } from 'rxjs'
import type { Ack, Acked } from '../model/record.js'
import { RecordFailedError } from '../model/record-failed-error.js'

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
