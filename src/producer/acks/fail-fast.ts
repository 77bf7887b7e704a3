import { map, type OperatorFunction } from 'rxjs'
import type { Ack, Acked } from '../model/record.js'
import { RecordFailedError } from '../model/record-failed-error.js'

/**
 * Errors the stream with a `RecordFailedError` at the first failed record. Other accepted records are still delivered, without acks.
 *
 * @example await lastValueFrom(records$.pipe(producer.send(), failFast()))
 */
export function failFast<M>(): OperatorFunction<Ack<M>, Acked<M>> {
  return map(ack => {
    if (ack.kind === 'failed') throw new RecordFailedError(ack)
    return ack
  })
}
