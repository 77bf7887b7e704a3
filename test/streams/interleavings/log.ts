import type { Ack, ProducerRecord, RecordOptions } from '../../../src/index.js'
import { decodeRecords } from '../../../src/protocol/records/record-batch.js'
import type { World } from '../../support/world.js'
import type { StreamPlan } from './script.js'

/** What a record came to. */
export interface Told {
  readonly number: number
  readonly kind: Ack['kind']
  readonly partition?: number
  readonly offset?: bigint
  readonly persisted?: 'no' | 'maybe'
  readonly error?: Error
  /** Whether it was in the log by then. */
  readonly stored: boolean
}

export interface End {
  /** `left`: its reader wanted no more. */
  readonly kind: 'complete' | 'error' | 'left'
  readonly error?: unknown
  /** What had happened to the stream by then: names of steps. */
  readonly causes: ReadonlySet<string>
  /** How many records it had told of. */
  readonly told: number
  /** What was in the log. */
  readonly stored: ReadonlySet<number>
}

/** What a stream was given, and what it told, in the order in which that happened. */
export class StreamLog {
  readonly plan: StreamPlan
  /** Given to it by its user. */
  readonly offered: number[] = []
  /** The producer has looked at it: it is accepted, unless the stream says that it is not. */
  readonly looked: Set<number> = new Set()
  readonly told: Told[] = []
  readonly ends: End[] = []
  /** Calls back of `write()`: how often, and with an error or none. */
  readonly writes: { readonly numbers: readonly number[]; readonly outcomes: unknown[] }[] = []
  readonly causes: Set<string> = new Set()
  /** How often the source was told that it is not wanted any more. */
  sourceLeft = 0
  /** Things that must never happen. */
  readonly wrong: string[] = []
  /** What must hold when all is over, or else is wrong. */
  readonly inTheEnd: { readonly holds: () => boolean; readonly what: string }[] = []
  readonly #logs: Logs

  constructor(plan: StreamPlan, logs: Logs) {
    this.plan = plan
    this.#logs = logs
  }

  get over(): boolean {
    return this.ends.length > 0
  }

  tell(ack: Ack<unknown>): void {
    const number = numberOf(ack)
    if (this.over) this.wrong.push(`record ${number} is told of after the end`)
    const common = { number, kind: ack.kind, stored: this.#logs.stored.has(number) }
    if (ack.kind === 'acked') this.told.push({ ...common, partition: ack.partition, offset: ack.offset })
    else this.told.push(ack.kind === 'failed' ? { ...common, persisted: ack.persisted, error: ack.error } : common)
    this.#logs.sample()
  }

  end(kind: End['kind'], error?: unknown): void {
    const [causes, stored] = [new Set(this.causes), new Set(this.#logs.stored.keys())]
    this.ends.push({ kind, error, causes, told: this.told.length, stored })
  }

  /** Gives what `write()` is to call back. */
  writing(items: readonly Item[]): (error?: unknown) => void {
    const write = { numbers: items.map(({ metadata }) => metadata), outcomes: [] as unknown[] }
    this.writes.push(write)
    return error => {
      write.outcomes.push(error ?? undefined)
    }
  }

  look(number: number): void {
    if (this.looked.has(number)) return
    this.looked.add(number)
    this.#logs.sample()
  }
}

/** What is in the brokers' logs, and how much was ever buffered. */
export class Logs {
  /** Where each record was appended. */
  readonly stored: Map<number, string[]> = new Map()
  /** By partition, in the order of the log. */
  readonly order: Map<number, number[]> = new Map()
  readonly #world: World
  mostBytes = 0

  constructor(world: World) {
    this.#world = world
    world.cluster.trace$.subscribe(entry => {
      this.sample()
      if (entry.kind !== 'appended') return
      const { topic, partition } = entry
      for (const { offset, value } of decodeRecords(world.cluster.batches(topic, partition).at(-1)!)) {
        const number = Number.parseInt(String(value), 10)
        this.stored.set(number, [...(this.stored.get(number) ?? []), `${partition}@${offset}`])
        this.order.set(partition, [...(this.order.get(partition) ?? []), number])
      }
    })
  }

  sample(): void {
    this.mostBytes = Math.max(this.mostBytes, this.#world.producer.bufferedBytes)
  }
}

/** What goes into a stream: a record, or what one is made of. It notes when the producer first looks at it. */
export class Item implements ProducerRecord<number> {
  readonly metadata: number
  readonly bad: boolean
  readonly #stream: StreamLog
  readonly #size: number

  constructor(stream: StreamLog, number: number, size: number, bad: boolean) {
    this.#stream = stream
    this.metadata = number
    this.#size = size
    this.bad = bad
    stream.offered.push(number)
  }

  get topic(): string {
    this.#stream.look(this.metadata)
    return 't'
  }

  get key(): string | undefined {
    return this.metadata % 3 === 0 ? undefined : `k${this.metadata % 5}`
  }

  get text(): string {
    return `${this.metadata}:${'x'.repeat(this.#size)}`
  }

  get value(): string {
    // What is not text can't be sent.
    return this.bad ? (7 as unknown as string) : this.text
  }
}

/** How long a serializer takes at most, in ms. */
export const SLOWEST_MS = 60

/** How records are made of items; nothing, where items are records. */
export function recordOptions(world: World, serializer: StreamPlan['serializer']): Partial<RecordOptions<Item>> {
  if (serializer === 'none') return {}
  const value = (item: Item): string => {
    if (item.bad) throw new Error('it can not be serialized')
    return item.text
  }
  return {
    topic: item => item.topic,
    key: item => item.key,
    value:
      serializer === 'sync'
        ? value
        : item => {
            const ms = (item.metadata * 17) % SLOWEST_MS
            if (ms < 10) return value(item)
            return new Promise((resolve, reject) => {
              world.time.schedule(() => {
                if (item.bad) reject(new Error('it can not be serialized'))
                else resolve(item.text)
              }, ms)
            })
          },
  }
}

function numberOf(ack: Ack<unknown>): number {
  const { metadata } = ack.record
  return metadata instanceof Item ? metadata.metadata : (metadata as number)
}
