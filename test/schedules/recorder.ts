import type { Ack, ProducerRecord } from '../../src/index.js'
import { decodeRecords } from '../../src/protocol/records/record-batch.js'
import type { TestCluster } from '../../src/testing/index.js'
import type { World } from '../support/world.js'
import type {
  Amnesia,
  Appended,
  Call,
  Deletion,
  History,
  LogHistory,
  Offered,
  Settled,
  StreamHistory,
} from './history.js'
import type { Burst, Schedule } from './schedule.js'

/** Notes what happens while a schedule runs. */
export class Recorder {
  readonly #world: World
  readonly #offered: Offered[] = []
  readonly #settled: Settled[] = []
  readonly #streams: StreamHistory[] = []
  readonly #calls: Call[] = []
  readonly #appended: Appended[] = []
  readonly #removed = new Set<number>()
  readonly #amnesia: Amnesia[] = []
  readonly #deletions: Deletion[] = []
  readonly #unsettled = new Set<number>()
  readonly stuck: string[] = []
  readonly intercepted: string[] = []
  #mostBytes = 0

  constructor(world: World) {
    this.#world = world
    world.cluster.trace$.subscribe(entry => {
      this.#look()
      if (entry.kind !== 'appended') return
      const { topic, partition } = entry
      for (const one of this.#amnesia) {
        if (one.topic === topic && one.partition === partition) one.until ??= this.#offered.length
      }
      const batch = world.cluster.batches(topic, partition).at(-1)!
      for (const { offset, value } of decodeRecords(batch)) {
        this.#appended.push({ number: numberOf(value), topic, partition, offset: Number(offset) })
      }
    })
  }

  stream(): number {
    return this.#streams.push({ unsubscribedAt: undefined, ends: [] }) - 1
  }

  /** The producer looks at a record; gives its number. */
  offered(stream: number, { topic, to }: Burst): number {
    this.#look()
    const at = this.#world.time.now()
    const number = this.#offered.length
    const line = to === 'key' ? keyOf(number) : to === 'none' ? undefined : `partition ${to}`
    this.#offered.push({ stream, topic, at, keyless: to === 'none', ...(line !== undefined && { line }) })
    this.#unsettled.add(number)
    return number
  }

  settled(stream: number, ack: Ack<number>): void {
    this.#look()
    const number = ack.record.metadata!
    this.#unsettled.delete(number)
    const common = { number, stream, at: this.#world.time.now() }
    if (ack.kind === 'acked') {
      this.#settled.push({ ...common, kind: 'acked', partition: ack.partition, offset: Number(ack.offset) })
      return
    }
    const { persisted, attempts, error } = ack
    this.#settled.push({ ...common, kind: 'failed', persisted, attempts, error: error.name })
  }

  unsubscribed(stream: number): void {
    this.#streams[stream]!.unsubscribedAt ??= this.#world.time.now()
  }

  ended(stream: number, error?: Error): void {
    const common = { at: this.#world.time.now(), settledBefore: this.#settled.length }
    this.#streams[stream]!.ends.push(
      error === undefined ? { kind: 'completed', ...common } : { kind: 'errored', error: error.name, ...common },
    )
  }

  called(kind: Call['kind'], promise: Promise<void>): void {
    const call: Call = { kind, offeredBefore: this.#offered.length, settledBefore: undefined }
    this.#calls.push(call)
    promise.then(() => {
      call.settledBefore = this.#settled.length
    })
  }

  /** Does something that can take records out of the logs of a topic, and notes which. */
  removing(topic: string, action: () => void): void {
    const before = logsOf(this.#world.cluster, topic)
    action()
    const left = new Set(
      logsOf(this.#world.cluster, topic).flatMap(({ records }) => records.map(({ number }) => number)),
    )
    for (const { records } of before) {
      for (const { number } of records) if (!left.has(number)) this.#removed.add(number)
    }
  }

  /** The partition's leader is about to lose what it knows of producers. */
  forgets(topic: string, partition: number): void {
    const [unsettled, from] = [this.unsettledOf(topic), this.#offered.length]
    this.#amnesia.push({ topic, partition, unsettled, from, until: undefined })
  }

  /** The topic is about to be deleted. */
  deletes(topic: string): void {
    this.#deletions.push({ topic, unsettled: this.unsettledOf(topic), from: this.#offered.length })
  }

  get offeredCount(): number {
    return this.#offered.length
  }

  /** Of unsubscribed streams too, which tell nothing any more, until the buffer is empty. */
  unsettledOf(topic: string): Set<number> {
    if (this.#world.producer.bufferedBytes === 0) return new Set()
    return new Set([...this.#unsettled].filter(number => this.#offered[number]!.topic === topic))
  }

  history(schedule: Schedule, logs: readonly LogHistory[]): History {
    const { cluster, events, network, producer, time } = this.#world
    return {
      schedule,
      offered: this.#offered,
      settled: this.#settled,
      streams: this.#streams,
      calls: this.#calls,
      appended: this.#appended,
      logs,
      removed: this.#removed,
      amnesia: this.#amnesia,
      deletions: this.#deletions,
      events,
      trace: cluster.trace,
      mostBytes: this.#mostBytes,
      stuck: this.stuck,
      intercepted: this.intercepted,
      left: { bytes: producer.bufferedBytes, connections: network.connections, timers: time.pending },
    }
  }

  #look(): void {
    this.#mostBytes = Math.max(this.#mostBytes, this.#world.producer.bufferedBytes)
  }
}

/** A record whose number is given when the producer first looks at it: that is when it is accepted, however it came there. */
export class NumberedRecord implements ProducerRecord<number> {
  readonly #recorder: Recorder
  readonly #stream: number
  readonly #burst: Burst
  readonly #invalid: boolean
  #number: number | undefined

  constructor(recorder: Recorder, stream: number, burst: Burst, invalid: boolean) {
    this.#recorder = recorder
    this.#stream = stream
    this.#burst = burst
    this.#invalid = invalid
  }

  get metadata(): number {
    this.#number ??= this.#recorder.offered(this.#stream, this.#burst)
    return this.#number
  }

  get topic(): string {
    void this.metadata
    return this.#burst.topic
  }

  get key(): string | null {
    return this.#burst.to === 'none' ? null : keyOf(this.metadata)
  }

  get partition(): number | undefined {
    const { to } = this.#burst
    return typeof to === 'number' ? to : undefined
  }

  get value(): string {
    // What is not text can't be sent.
    return this.#invalid ? (7 as unknown as string) : `${this.metadata}:${'x'.repeat(this.#burst.size)}`
  }
}

/** Everything that can be read of a topic; nothing, if it is not there. */
export function logsOf(cluster: TestCluster, topic: string): LogHistory[] {
  return Array.from({ length: cluster.topics.get(topic) ?? 0 }, (_, partition) => ({
    topic,
    partition,
    records: cluster
      .records(topic, partition)
      .map(({ value, offset }) => ({ number: numberOf(value), offset: Number(offset) })),
  }))
}

function keyOf(number: number): string {
  return `k${number % 7}`
}

function numberOf(value: Buffer | null): number {
  return Number.parseInt(String(value), 10)
}
