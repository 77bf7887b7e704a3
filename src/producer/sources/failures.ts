import type { BatchAck } from '../model/batch-ack.js'
import type { Ack } from '../model/record.js'
import { RecordFailedError } from '../model/record-failed-error.js'

/** How a stream that emits no acks handles failed records. */
export interface FailureOptions<M> {
  /** Receives the acks of failed records; the stream goes on. Default: the first failure ends the stream with a `RecordFailedError`. */
  readonly onFailed?: (ack: Exclude<Ack<M>, { kind: 'acked' }>) => void
}

/** Passes failed acks to `onFailed`; without it, ends the stream. */
export function failuresTo<M>(
  onFailed: FailureOptions<M>['onFailed'],
  end: (error: RecordFailedError<M>) => void,
): (acks: BatchAck<M>) => void {
  return acks => {
    if (acks.kind === 'acked') return
    acks.forEach(ack => {
      if (ack.kind === 'acked') return
      if (onFailed !== undefined) onFailed(ack)
      else end(new RecordFailedError(ack))
    })
  }
}
