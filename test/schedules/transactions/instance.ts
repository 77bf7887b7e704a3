import { type Observable, Subject, Subscription } from 'rxjs'
import {
  type Ack,
  type BatchAck,
  BufferFullError,
  InvalidArgumentError,
  type Producer,
  type ProducerRecord,
  type Transaction,
  TransactionEndedError,
} from '../../../src/index.js'
import type { VirtualTime } from '../../../src/testing/index.js'
import type { TransactionStory } from './history.js'
import { NumberedRecord, type Recorder } from './recorder.js'
import { type Contents, GROUP, type Imperative, type Operator, type Value, type Work } from './schedule.js'

/** What a source errors with. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError'
}

type Records = ProducerRecord<number>

/** One producer, and its user, who does one work after the other. */
export class Instance {
  readonly producer: Producer
  readonly #index: number
  readonly #time: VirtualTime
  readonly #recorder: Recorder
  readonly #timers = new Subscription()
  /** Transactions that nobody has ended. */
  readonly #left: Transaction[] = []
  #over = false

  constructor(index: number, producer: Producer, time: VirtualTime, recorder: Recorder) {
    this.#index = index
    this.producer = producer
    this.#time = time
    this.#recorder = recorder
  }

  /** Every work is done. */
  get over(): boolean {
    return this.#over
  }

  /** Does all works. */
  async start(works: readonly Work[]): Promise<void> {
    const running: Promise<void>[] = []
    for (const work of works) {
      const done = work.kind === 'imperative' ? this.#imperative(work) : this.#operator(work)
      running.push(done)
      if (work.kind === 'operator' || work.end === 'leave' || !work.overlaps) await done
      await this.leave()
    }
    await Promise.all(running)
    this.#over = true
  }

  /** Ends transactions that nobody has ended. */
  async leave(): Promise<void> {
    await Promise.all(this.#left.splice(0).map(one => one[Symbol.asyncDispose]().catch(() => undefined)))
  }

  /** Ends the timers of its sources. */
  stop(): void {
    this.#timers.unsubscribe()
  }

  /** Commits a transaction with one record in each partition; gives its index. */
  async probe(topics: ReadonlyMap<string, number>): Promise<number> {
    const bursts = [...topics].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, to) => ({ wait: 0, count: 1, topic, to, size: 0 })),
    )
    const { length } = this.#recorder.transactions
    await this.#imperative({ kind: 'imperative', by: 'publish', end: 'commit', bursts }, 'probe')
    return length
  }

  async #imperative(work: Imperative, kind: 'imperative' | 'probe' = 'imperative'): Promise<void> {
    const recorder = this.#recorder
    const index = recorder.begins(this.#index, kind, work)
    const story = recorder.transactions[index]!
    let transaction: Transaction
    try {
      transaction = await this.producer.beginTransaction()
    } catch (error) {
      recorder.failed(index, error)
      return
    }
    this.#attach(transaction, work, index)
    const sent = this.#send(transaction, work, index)
    const failed = await (work.endAfter === undefined ? sent : this.#pause(work.endAfter))
    if (work.end === 'leave') {
      story.left = true
      this.#left.push(transaction)
      await sent
      return
    }
    try {
      if (work.end === 'abort' || failed) {
        story.left = true
        await transaction.abort()
        await transaction.commit()
        recorder.committed(index)
      } else {
        story.committing = true
        if (work.abortAfter !== undefined) this.#abortAfter(work.abortAfter, transaction, story)
        await transaction.commit().catch(async error => {
          if (!(error instanceof InvalidArgumentError)) throw error
          await sent
          await transaction.commit()
        })
        recorder.committed(index)
      }
    } catch (error) {
      recorder.failed(index, error)
    }
    await sent
  }

  /** Aborts it though it is being committed. */
  #abortAfter(ms: number, transaction: Transaction, story: TransactionStory): void {
    void this.#pause(ms).then(async () => {
      // After its end, abort() does nothing.
      if (story.told !== undefined) return
      story.left = true
      story.abortSaid = await transaction.abort().then(
        () => 'aborted',
        error => (error instanceof TransactionEndedError ? 'committed' : 'error'),
      )
    })
  }

  /** Sends the records; resolves once that is over, to whether it failed. */
  #send(transaction: Transaction, work: Imperative, index: number): Promise<boolean> {
    if (work.by === 'sendOne') return this.#sendOnes(transaction, work, index)
    return new Promise(resolve => {
      this.#acks(transaction, work, index).subscribe({
        next: ack => {
          for (const one of 'count' in ack ? ack : [ack]) this.#recorder.acked(one)
        },
        error: error => {
          if (error instanceof BufferFullError) this.#recorder.overflow(index)
          resolve(true)
        },
        complete: () => resolve(false),
      })
    })
  }

  #acks(transaction: Transaction, work: Imperative, index: number): Observable<Ack<number> | BatchAck<number>> {
    if (work.by === 'publish') return transaction.publish<number>(this.#generated(work, index, true))
    const source = this.#pushed(work, index, true)
    return work.by === 'send' ? source.pipe(transaction.send<number>()) : source.pipe(transaction.sendBatches<number>())
  }

  async #sendOnes(transaction: Transaction, work: Imperative, index: number): Promise<boolean> {
    let failed = false
    const all: Promise<void>[] = []
    for (const burst of work.bursts) {
      if (burst.wait > 0) await this.#pause(burst.wait)
      for (const record of this.#records(burst, index, true)) {
        const sent = transaction.sendOne(record).then(
          ack => this.#recorder.acked(ack),
          error => {
            failed = true
            if (record.isNumbered) this.#recorder.rejected(record.metadata, error)
          },
        )
        all.push(sent)
      }
    }
    await Promise.all(all)
    return failed
  }

  #operator({ values, onAborted, unsubscribeAfter }: Operator): Promise<void> {
    const recorder = this.#recorder
    const source = new Subject<unknown>()
    const plans = new Map<unknown, { value: Value; index: number }>()
    const mine: number[] = []
    const unsettled = (): number[] => mine.filter(index => recorder.transactions[index]!.told === undefined)
    const project = (value: unknown, transaction: Transaction) => {
      const plan = plans.get(value)!
      this.#attach(transaction, plan.value, plan.index)
      return this.#sourceOf(value, plan.value, plan.index)
    }
    return new Promise(resolve => {
      const subscription = source.pipe(this.producer.transactionally(project, { onAborted })).subscribe({
        next: outcome => {
          const { index } = plans.get(outcome.value)!
          if (outcome.kind === 'committed') recorder.committed(index, outcome.count)
          else recorder.aborted(index, outcome.cause, outcome.count)
        },
        error: error => {
          const [head, ...behind] = unsettled()
          if (head !== undefined) recorder.failed(head, error)
          // Only the first one can be at its commit.
          for (const one of behind) recorder.aborted(one, error)
          resolve()
        },
        complete: resolve,
      })
      void this.#emit(values, source, plans, mine)
      if (unsubscribeAfter === undefined) return
      void this.#pause(unsubscribeAfter).then(() => {
        subscription.unsubscribe()
        for (const one of unsettled()) recorder.transactions[one]!.left = true
        resolve()
      })
    })
  }

  /** Each value begins a transaction. */
  async #emit(
    values: readonly Value[],
    source: Subject<unknown>,
    plans: Map<unknown, { value: Value; index: number }>,
    mine: number[],
  ): Promise<void> {
    for (const value of values) {
      if (value.wait > 0) await this.#pause(value.wait)
      if (!source.observed) return
      const index = this.#recorder.begins(this.#index, 'operator', value)
      const emitted = value.source === 'hot' ? this.#pushed(value, index, false) : { index }
      plans.set(emitted, { value, index })
      mine.push(index)
      source.next(emitted)
    }
    source.complete()
  }

  #sourceOf(value: unknown, plan: Value, index: number) {
    switch (plan.source) {
      case 'hot':
        return value as Observable<Records>
      case 'observable':
        return this.#pushed(plan, index, false)
      case 'async':
        return this.#generated(plan, index, false)
      default: {
        const all = plan.bursts.flatMap(burst => this.#records(burst, index, false))
        if (plan.source === 'array' && !plan.fails) return all
        return this.#pause(plan.bursts[0]?.wait ?? 0).then(() => {
          if (plan.fails) throw new SourceError()
          return all
        })
      }
    }
  }

  /** What is stored beside the records. */
  #attach(transaction: Transaction, { offsets, position }: Contents, index: number): void {
    if (position) transaction.setPosition(`p${index}`)
    if (offsets === undefined) return
    const stored = offsets.map(partition => ({ topic: 't0', partition, offset: index + 1 }))
    transaction.sendOffsets(GROUP, stored).catch(() => undefined)
  }

  #records(burst: Contents['bursts'][number], index: number, owed: boolean): NumberedRecord[] {
    return Array.from(
      { length: burst.count },
      (_, i) => new NumberedRecord(this.#recorder, index, burst, owed, burst.invalid === true && i === burst.count - 1),
    )
  }

  /** Emits whether or not anybody listens. */
  #pushed({ bursts, fails }: Contents, index: number, owed: boolean): Observable<Records> {
    const source = new Subject<Records>()
    void (async () => {
      // Whoever made it subscribes first.
      await undefined
      for (const burst of bursts) {
        if (burst.wait > 0) await this.#pause(burst.wait)
        for (const record of this.#records(burst, index, owed)) source.next(record)
      }
      if (fails) source.error(new SourceError())
      else source.complete()
    })()
    // Who comes late hears of its end.
    source.subscribe({ error: () => undefined })
    return source
  }

  async *#generated({ bursts, fails }: Contents, index: number, owed: boolean): AsyncGenerator<Records> {
    for (const burst of bursts) {
      if (burst.wait > 0) await this.#pause(burst.wait)
      yield* this.#records(burst, index, owed)
    }
    if (fails) throw new SourceError()
  }

  #pause(ms: number): Promise<undefined> {
    return new Promise(resolve => {
      this.#timers.add(this.#time.schedule(() => resolve(undefined), ms))
    })
  }
}
