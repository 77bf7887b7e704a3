import {
  type Ack,
  BrokerError,
  ProducerFencedError,
  type ProducerRecord,
  RecordFailedError,
  TransactionAbortedError,
} from '../../../src/index.js'
import type { VirtualTime } from '../../../src/testing/index.js'
import type { Cause, Offered, Settled, TransactionStory } from './history.js'
import type { Burst, Contents } from './schedule.js'

/** Notes what the users of all producers do and see. */
export class Recorder {
  readonly transactions: TransactionStory[] = []
  readonly records: Offered[] = []
  readonly settled: Settled[] = []
  /** Records that a stream could not take, which ended it. */
  readonly overflowed: Set<number> = new Set()
  readonly #time: VirtualTime

  constructor(time: VirtualTime) {
    this.#time = time
  }

  /** A transaction is begun; gives its index. */
  begins(instance: number, kind: TransactionStory['kind'], contents: Contents): number {
    const at = this.#time.now()
    return this.transactions.push({ instance, kind, at, contents, committing: kind === 'operator' }) - 1
  }

  committed(transaction: number, count?: number): void {
    this.#tell(transaction, 'committed', undefined, count)
  }

  aborted(transaction: number, cause: unknown, count?: number): void {
    this.#tell(transaction, 'aborted', cause, count)
  }

  /** It ended with this error: it was aborted, or the producer ended. */
  failed(transaction: number, error: unknown): void {
    if (error instanceof TransactionAbortedError) this.aborted(transaction, error.cause)
    else this.#tell(transaction, 'error', error)
  }

  offered(transaction: number, { topic, to }: Burst, owed: boolean): number {
    const at = this.#time.now()
    return this.records.push({ transaction, topic, at, owed, ...(to !== 'key' && { partition: to }) }) - 1
  }

  acked(ack: Ack<number>): void {
    const at = this.#time.now()
    const number = ack.record.metadata!
    const { topic } = this.records[number]!
    if (ack.kind === 'failed') {
      this.settled.push({ number, at, topic, kind: 'failed', persisted: ack.persisted })
      return
    }
    const { partition, offset } = ack
    this.settled.push({ number, at, topic, kind: 'acked', partition, offset: Number(offset) })
  }

  /** A promise of one record was rejected. */
  rejected(number: number, error: unknown): void {
    if (error instanceof RecordFailedError) this.acked(error.ack as Ack<number>)
    else {
      const { topic } = this.records[number]!
      this.settled.push({ number, at: this.#time.now(), topic, kind: 'failed', persisted: 'no' })
    }
  }

  #tell(transaction: number, told: NonNullable<TransactionStory['told']>, cause: unknown, count?: number): void {
    const story = this.transactions[transaction]!
    if (story.told !== undefined) return
    story.told = told
    if (cause !== undefined) story.cause = causeOf(cause)
    if (count !== undefined) story.count = count
  }

  /** A stream of this transaction had no memory for its last record. */
  overflow(transaction: number): void {
    this.overflowed.add(this.records.findLastIndex(record => record.transaction === transaction))
  }
}

/** The broker's code is in the error, or in what caused it. */
export function causeOf(error: unknown): Cause {
  const { name, message } = error as Error
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof BrokerError && !(error instanceof ProducerFencedError)) return { name, message, code: at.code }
  }
  return { name, message }
}

/** A record whose number is given when a producer first looks at it: that is when it is accepted, however it came there. */
export class NumberedRecord implements ProducerRecord<number> {
  readonly #recorder: Recorder
  readonly #transaction: number
  readonly #burst: Burst
  readonly #owed: boolean
  readonly #invalid: boolean
  #number: number | undefined

  constructor(recorder: Recorder, transaction: number, burst: Burst, owed: boolean, invalid: boolean) {
    this.#recorder = recorder
    this.#transaction = transaction
    this.#burst = burst
    this.#owed = owed
    this.#invalid = invalid
  }

  /** Whether a producer has looked at it. */
  get isNumbered(): boolean {
    return this.#number !== undefined
  }

  get metadata(): number {
    this.#number ??= this.#recorder.offered(this.#transaction, this.#burst, this.#owed)
    return this.#number
  }

  get topic(): string {
    void this.metadata
    return this.#burst.topic
  }

  get key(): string {
    return `k${this.metadata % 7}`
  }

  get partition(): number | undefined {
    const { to } = this.#burst
    return to === 'key' ? undefined : to
  }

  get value(): string {
    // What is not text can't be sent.
    return this.#invalid ? (7 as unknown as string) : `${this.metadata}:${'x'.repeat(this.#burst.size)}`
  }
}

export function numberOf(value: Buffer | null): number {
  return Number.parseInt(String(value), 10)
}
