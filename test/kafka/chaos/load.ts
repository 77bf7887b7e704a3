import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { filter, firstValueFrom, Subject } from 'rxjs'
import {
  type Ack,
  createProducer,
  type Producer,
  type ProducerEvent,
  type ProducerOptions,
  type ProducerRecord,
} from '../../../src/index.js'
import { findings } from '../../support/validator.js'
import { sequenceFaults } from '../dump-log.js'
import type { KafkaCluster } from '../kafka-cluster.js'
import { type KcatRecord, readWithKcat } from '../readers.js'
import { CountingScheduler, CountingTransport } from './leftovers.js'

/** `npm run test:chaos` runs at full length; `npm run test:kafka` a short version of some. */
export const FULL: boolean = process.env.RX_KAFKA_CHAOS === 'full'

/** How many records a test sends at least. */
export const COUNT: number = FULL ? 200_000 : 20_000

/** The source yields so many records at a time and then leaves the event loop to others. */
const BURST_MS = 10
const LIMIT_MS = 180_000

export interface LoadOptions {
  readonly topic: string
  /** Default 6. */
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
  /** Records, at least; more if the faults take longer. Default {@link COUNT}. */
  readonly count?: number
  /** Records a second, at most. Default 10000. */
  readonly rate?: number
  /** Bytes of a value, at least. */
  readonly valueBytes?: number
  /** How long the faults, and then the last acks, may take. Default 180000. */
  readonly limitMs?: number
  readonly producer?: Partial<ProducerOptions>
}

export interface Checks {
  /** Whether records may fail. Default false: everything is acked. */
  readonly failures?: boolean
  /** Whether the log has all that was ever written, so that sequences begin at 0. Default true. */
  readonly begins?: boolean
  /** Whether the producer was closed before the source had ended. */
  readonly closed?: boolean
  /** Which records are to be in order. Default `'by partition'`. */
  readonly ordered?: 'by partition' | 'by key'
  /** Only what was acked after so many acks is still there. */
  readonly after?: number
  /** By partition: records before this offset were deleted. */
  readonly deletedBefore?: ReadonlyMap<number, number>
}

/** Everything that is known when it is over. */
export interface Result {
  readonly acks: readonly Ack<number>[]
  readonly events: readonly ProducerEvent[]
  readonly read: readonly KcatRecord[]
  count(kind: ProducerEvent['kind']): number
}

/** A producer under load: numbered records with keys, at a constant rate for as long as a test needs. */
export class Load {
  readonly producer: Producer
  readonly topic: string
  readonly acks: Ack<number>[] = []
  readonly events: ProducerEvent[] = []
  /** Records that the source has given. */
  taken = 0
  /** The most bytes that were seen in the buffer, with each record that is pulled. */
  mostBuffered = 0
  readonly #kafka: KafkaCluster
  readonly #options: LoadOptions
  readonly #scheduler = new CountingScheduler()
  readonly #transport = new CountingTransport()
  readonly #acked$ = new Subject<void>()
  readonly #completed: Promise<void>
  #stopping = false
  /** Resolved, except while the source waits. */
  #going: Promise<void> = Promise.resolve()
  #go: () => void = () => {}

  private constructor(kafka: KafkaCluster, options: LoadOptions) {
    this.#kafka = kafka
    this.#options = options
    this.topic = options.topic
    this.producer = createProducer({
      brokers: kafka.brokers,
      scheduler: this.#scheduler,
      transport: this.#transport,
      allowAutoTopicCreation: false,
      ...options.producer,
    })
    this.producer.events$.subscribe(event => this.events.push(event))
    this.#completed = new Promise((resolve, reject) => {
      this.producer.publish(this.#records()).subscribe({
        next: ack => {
          this.acks.push(ack)
          this.#acked$.next()
        },
        error: reject,
        complete: resolve,
      })
    })
    // Whoever waits for it later is told.
    this.#completed.catch(() => {})
  }

  static async start(kafka: KafkaCluster, options: LoadOptions): Promise<Load> {
    await kafka.createTopic(options.topic, options.partitions ?? 6, options.configs)
    return new Load(kafka, options)
  }

  /** Resolves when so many more records have had their ack. */
  async progress(records: number): Promise<void> {
    const goal = this.acks.length + records
    await firstValueFrom(this.#acked$.pipe(filter(() => this.acks.length >= goal)))
  }

  /** The next event of this kind. */
  async event<K extends ProducerEvent['kind']>(kind: K): Promise<Extract<ProducerEvent, { kind: K }>> {
    const event = await firstValueFrom(this.producer.events$.pipe(filter(one => one.kind === kind)))
    return event as Extract<ProducerEvent, { kind: K }>
  }

  /** The source waits; resolves when everything it gave has its ack. */
  async pause(): Promise<void> {
    this.#going = new Promise(resolve => {
      this.#go = resolve
    })
    // The burst that is under way ends.
    await sleep(2 * BURST_MS)
    await this.producer.flush()
  }

  /** It goes on. */
  go(): void {
    this.#go()
  }

  /** The source ends; resolves when everything it gave has its ack, and the producer is closed and has left nothing behind. */
  async end(): Promise<void> {
    this.#stopping = true
    await within(LIMIT_MS, 'the last ack', this.#completed)
    await within(LIMIT_MS, 'close()', this.close())
  }

  async close(): Promise<void> {
    this.#stopping = true
    await this.producer.close()
    // Sockets that were told to go do so on the next turns of the event loop.
    for (let turns = 0; this.#transport.open > 0 && turns < 1000; turns++) await new Promise(setImmediate)
    const { bufferedBytes, inFlight } = this.producer
    assert.deepEqual(
      { bufferedBytes, inFlight: [...inFlight.values()].filter(count => count > 0), timers: this.#scheduler.pending },
      { bufferedBytes: 0, inFlight: [], timers: 0 },
    )
    assert.equal(this.#transport.open, 0, 'sockets are left')
  }

  /** Holds what readers find against what the producer said: nothing lost, doubled, moved or unsettled. */
  async check({
    failures = false,
    begins = true,
    closed = false,
    after = 0,
    deletedBefore,
    ordered,
  }: Checks = {}): Promise<Result> {
    const { acks, events, topic } = this
    // A producer that was closed may have been given one more, which it did not take.
    assert.ok(acks.length === this.taken || (closed && acks.length === this.taken - 1), 'records are unsettled')
    const read = await readWithKcat(this.#kafka.internal, topic)
    const kept = acks
      .slice(after)
      .filter(ack => ack.kind !== 'acked' || Number(ack.offset) >= (deletedBefore?.get(ack.partition) ?? 0))
    assertNone(findings(kept.length, kept, read, ordered), 'findings')
    const logs = [...(await this.#kafka.dumpLogs(topic))]
    assertNone(
      logs.flatMap(([partition, log]) => sequenceFaults(log, begins).map(fault => `partition ${partition}, ${fault}`)),
      'faults in sequences',
    )
    if (!failures)
      assertNone(
        acks.filter(ack => ack.kind !== 'acked').map(ack => inspect(ack)),
        'records not acked',
      )
    return { acks, events, read, count: kind => events.filter(event => event.kind === kind).length }
  }

  async *#records(): AsyncGenerator<ProducerRecord<number>> {
    const { topic, count = COUNT, rate = 10_000, valueBytes = 0 } = this.#options
    const burst = Math.ceil((rate * BURST_MS) / 1000)
    while (!this.#stopping || this.taken < count) {
      const number = this.taken++
      const value = `value ${number}`.padEnd(valueBytes, '.')
      yield { topic, key: `key-${number % 1000}`, value, metadata: number }
      // Here for the next record, or not at all while the buffer is full.
      this.mostBuffered = Math.max(this.mostBuffered, this.producer.bufferedBytes)
      if (number % burst === 0) await Promise.all([sleep(BURST_MS), this.#going])
    }
  }
}

/**
 * Runs the faults while a producer is under load, heals the cluster, and checks what came of it. A test that fails tells
 * what the producer told.
 */
export async function underLoad(
  kafka: KafkaCluster,
  options: LoadOptions,
  faults: (load: Load) => Promise<Checks | undefined>,
): Promise<Result> {
  const load = await Load.start(kafka, options)
  try {
    const checks = await within(options.limitMs ?? LIMIT_MS, 'the end of the faults', faults(load))
    await kafka.heal()
    await load.end()
    return await load.check(checks ?? {})
  } catch (error) {
    void load.close().catch(() => {})
    await kafka.heal()
    const last = load.events.slice(-60).map(line)
    const state = `${load.taken} taken, ${load.acks.length} settled, ${load.producer.bufferedBytes} bytes in the buffer`
    throw new Error(`${(error as Error).message}\n${state}; the producer's last events:\n${last.join('\n')}`, {
      cause: error,
    })
  }
}

/** An event in one line. */
function line(event: ProducerEvent): string {
  return JSON.stringify(event, (_, value) =>
    value instanceof Error ? value.message : typeof value === 'bigint' ? String(value) : value,
  )
}

function assertNone(found: readonly string[], what: string): void {
  assert.equal(found.length, 0, `${found.length} ${what}:\n${found.slice(0, 20).join('\n')}`)
}

async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const over = new AbortController()
  const limit = sleep(ms, undefined, { signal: over.signal }).then(
    () => {
      throw new Error(`waited ${ms} ms in vain for ${what}`)
    },
    () => undefined as never,
  )
  try {
    return await Promise.race([promise, limit])
  } finally {
    over.abort()
  }
}
