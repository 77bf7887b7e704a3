import { Observable, type Subscriber } from 'rxjs'
import { BatchAcks, RecordAcks } from '../../../src/producer/acks/ack-streams.js'
import type { BatchAck } from '../../../src/producer/model/batch-ack.js'
import type { Ack } from '../../../src/producer/model/record.js'
import type { Stage } from '../measure.js'
import { batch } from './parts.js'

const RECORDS = 2_000
const BATCHES = 10
const ACKED = { kind: 'acked', baseOffset: 1_000_000n, logAppendTime: -1 } as const

/** From a batch's end to whoever subscribed. */
export function acking(): Stage[] {
  // Somebody has to look at them, or they need not be made.
  const records = new RecordAcks(
    subscriber<Ack>(ack => {
      if (ack.kind !== 'acked' || ack.offset < ACKED.baseOffset) throw new Error('acks went backwards')
    }),
  )
  const batches = new BatchAcks(
    subscriber<BatchAck>(ack => {
      if (ack.kind !== 'acked' || ack.count !== RECORDS) throw new Error('a record was left out')
    }),
  )
  const forRecords = Array.from({ length: BATCHES }, () => batch(0, RECORDS, records))
  const forBatches = Array.from({ length: BATCHES }, () => batch(0, RECORDS, batches))
  return [
    {
      name: 'acks, one a record',
      unit: 'record',
      count: RECORDS * BATCHES,
      run() {
        for (const one of forRecords) one.settle(ACKED)
      },
    },
    {
      name: 'acks, one a batch',
      unit: 'batch',
      count: BATCHES * 500,
      run() {
        for (let i = 0; i < 500; i++) for (const one of forBatches) one.settle(ACKED)
      },
    },
  ]
}

/** What an Observable is given when `next` is subscribed to it. */
function subscriber<T>(next: (value: T) => void): Subscriber<T> {
  let given: Subscriber<T> | undefined
  new Observable<T>(one => {
    given = one
  }).subscribe(next)
  return given!
}
