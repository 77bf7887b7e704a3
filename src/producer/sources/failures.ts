import type { BatchAck } from '../model/batch-ack.js'
import type { Ack } from '../model/record.js'
import { RecordFailedError } from '../model/record-failed-error.js'

/** What becomes of records that fail in a stream that has nowhere to put acks. */
export interface FailureOptions<M> {
  /** Takes the acks of records that failed; the stream goes on. Default: the first one ends the stream with a `RecordFailedError`. */
  readonly onFailed?: (ack: Exclude<Ack<M>, { kind: 'acked' }>) => void
}

/** Passes on what failed of what was settled; without `onFailed` it ends the stream. */
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
