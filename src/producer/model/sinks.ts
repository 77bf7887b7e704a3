import type { Outcome } from './outcome.js'
import type { ProducerRecord } from './record.js'
import type { TransactionScope } from './transaction-scope.js'

/** What acks are made from: a batch, seen by those who deliver its acks. */
export interface SettledRecords {
  readonly topic: string
  readonly partition: number
  readonly records: readonly ProducerRecord[]
  /** Requests that carried the records. */
  readonly attempts: number
  /** Returns the record's timestamp, in ms since 1970. */
  timestampOf(index: number): number
}

/** Where the acks of a stream's records go: one a subscribed `send()`, not one a record. */
export interface AckSink {
  /** Whether its records may be refused while their partition is stalled, to leave memory for others. Default false. */
  readonly yields?: boolean
  /** The transaction that its records belong to. */
  readonly transaction?: TransactionScope | undefined
  /** The records `from` up to `to` of the batch have this outcome. Covers every accepted record exactly once. */
  settled(batch: SettledRecords, from: number, to: number, outcome: Outcome): void
  /** An accepted record failed before it was part of a batch. */
  neverBatched(record: ProducerRecord, error: Error): void
}

/** The sink of a stream, which counts the records that are owed an ack. */
export interface StreamSink extends AckSink {
  yields?: boolean
  transaction?: TransactionScope | undefined
  /** Told of every record that fails before it is part of a batch. */
  failed?: ((error: Error) => void) | undefined
  /** A record was accepted: it is owed an ack. */
  accepted(): void
  /** A record failed without having been accepted. */
  refuse(record: ProducerRecord, error: Error): void
  /** A record was not accepted, and gets no ack: its stream ends with the error instead. */
  unsent?(record: ProducerRecord, error: Error): void
  /** The source has ended; an `error` is emitted when no ack is owed any more. */
  sourceEnded(error?: Error): void
}
