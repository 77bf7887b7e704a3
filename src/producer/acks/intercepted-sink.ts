import { originalOf } from '../model/intercepted-record.js'
import type { Outcome } from '../model/outcome.js'
import type { ProducerRecord } from '../model/record.js'
import type { AckSink, SettledRecords, StreamSink } from '../model/sinks.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import type { Interceptors } from '../records/interceptors.js'
import { ackOf, FailedRecord } from './record-acks.js'

/** The sink of a single record. Tells the interceptors first, then gives the user's own object back. */
export class InterceptedAckSink<S extends AckSink = AckSink> implements AckSink {
  protected readonly sink: S
  protected readonly interceptors: Interceptors

  constructor(sink: S, interceptors: Interceptors) {
    this.sink = sink
    this.interceptors = interceptors
  }

  get transaction(): TransactionScope | undefined {
    return this.sink.transaction
  }

  get yields(): boolean {
    return this.sink.yields ?? false
  }

  settled(batch: SettledRecords, from: number, to: number, outcome: Outcome): void {
    for (let i = from; i < to; i++) {
      this.interceptors.acked(batch.records[i]!, record => ackOf(batch, record, i, outcome))
    }
    this.sink.settled(asSent(batch, from, to), from, to, outcome)
  }

  neverBatched(record: ProducerRecord, error: Error): void {
    this.notSent(record, error)
    this.sink.neverBatched(originalOf(record), error)
  }

  protected notSent(record: ProducerRecord, error: Error): void {
    this.interceptors.acked(record, one => new FailedRecord(error, 'no', 0, one))
  }
}

/** The same for the sink of a stream. */
export class InterceptedSink extends InterceptedAckSink<StreamSink> implements StreamSink {
  accepted(): void {
    this.sink.accepted()
  }

  refuse(record: ProducerRecord, error: Error): void {
    this.notSent(record, error)
    this.sink.refuse(originalOf(record), error)
  }

  unsent(record: ProducerRecord, error: Error): void {
    this.notSent(record, error)
  }

  sourceEnded(error?: Error): void {
    this.sink.sourceEnded(error)
  }
}

/** The batch with the objects that users sent, as far as one sink needs it. */
function asSent(batch: SettledRecords, from: number, to: number): SettledRecords {
  const { topic, partition, attempts } = batch
  const records: ProducerRecord[] = []
  for (let i = from; i < to; i++) records[i] = originalOf(batch.records[i]!)
  return { topic, partition, attempts, records, timestampOf: i => batch.timestampOf(i) }
}
