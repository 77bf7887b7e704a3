import type { ProducerOptions, ProducerRecord } from '../../src/index.js'
import { RECORD_COST } from '../../src/producer/model/batch.js'
import { RecordBatchBuilder, RecordLengths } from '../../src/protocol/records/record-batch-builder.js'
import type { BrokerOptions } from './broker.js'

/** One way to load a producer, compared with the first of its group. */
export interface Case {
  readonly group: string
  readonly name: string
  readonly broker: Pick<BrokerOptions, 'nodes' | 'partitions'>
  readonly options: Omit<ProducerOptions, 'brokers' | 'transport'>
  /** Bytes that the producer may hold before the source waits. */
  readonly limit: number
  readonly records: number
  readonly record: (i: number) => ProducerRecord
  /** Sent once, before anything is measured: what is known and idle from then on. */
  readonly idle?: readonly ProducerRecord[]
  /** CPU per record may be so many times that of the first of the group. */
  readonly target?: number
}

/** What a producer may hold beyond what its open batches do. */
const BACKLOG = 16 << 20

const value = (size: number): string => 'x'.repeat(size)
const SMALL = value(100)

const FULL = 16_384
/** With one timestamp for all, every batch takes as many records. */
const TIMESTAMP = 1_700_000_000_000
const IN_FULL = recordsInFullBatch()

function recordsInFullBatch(): number {
  const lengths = new RecordLengths()
  lengths.measure(undefined, SMALL, undefined)
  const builder = new RecordBatchBuilder(Buffer.alloc(FULL))
  while (builder.size + lengths.max <= FULL) builder.append(undefined, SMALL, undefined, TIMESTAMP, lengths)
  return builder.count
}

/**
 * Equal fill: batches leave when they are full and not before, for `linger` is long. Whoever has many partitions fills them in
 * turn, one record each, as keyed records would; all of them are full at the same time.
 */
function full(partitions: number, maxRequestSize: number): Pick<Case, 'options' | 'limit' | 'records'> {
  return {
    options: { batchSize: FULL, maxRequestSize, linger: 30_000, bufferMemory: 512 << 20 },
    limit: partitions * (FULL + IN_FULL * RECORD_COST) + BACKLOG,
    records: IN_FULL * 3_000,
  }
}

/** As they come: batches leave when there is a slot. */
const STICKY: Pick<Case, 'options' | 'limit' | 'records'> = {
  options: { bufferMemory: 128 << 20 },
  limit: BACKLOG,
  records: 200_000,
}

const PARTITIONS = [1, 10, 100, 1000]
const one = { nodes: 1, partitions: 1 }

function partitions(): Case[] {
  const shapes: readonly [group: string, size: number][] = [
    ['partitions, full batches of 16 KiB, one a request', FULL],
    ['partitions, full batches of 16 KiB, requests of 1 MiB', 1_048_576],
  ]
  const inTurn = shapes.flatMap(([group, size]) =>
    PARTITIONS.map(
      (count): Case => ({
        group,
        name: `${count}`,
        broker: { nodes: 1, partitions: count },
        ...full(count, size),
        record: i => ({ topic: 't', value: SMALL, partition: i % count, timestamp: TIMESTAMP }),
        target: 1.5,
      }),
    ),
  )
  const keyless = PARTITIONS.map(
    (count): Case => ({
      group: 'partitions, keyless',
      name: `${count}`,
      broker: { nodes: 1, partitions: count },
      ...STICKY,
      record: () => ({ topic: 't', value: SMALL }),
      target: 1.5,
    }),
  )
  return [...inTurn, ...keyless]
}

function idle(): Case[] {
  const record = (): ProducerRecord => ({ topic: 't0', value: SMALL, partition: 0 })
  const many = Array.from({ length: 1000 }, (_, i) => i)
  const group = 'idle'
  return [
    { group, name: 'nothing else', broker: one, ...STICKY, record },
    {
      group,
      name: '999 partitions',
      broker: { nodes: 1, partitions: 1000 },
      ...STICKY,
      record,
      idle: many.map(partition => ({ topic: 't0', value: SMALL, partition })),
      target: 1.2,
    },
    {
      group,
      name: '999 topics',
      broker: one,
      ...STICKY,
      record,
      idle: many.map(i => ({ topic: `t${i}`, value: SMALL })),
      target: 1.2,
    },
  ]
}

function brokers(): Case[] {
  return [1, 3, 10].map(nodes => ({
    group: 'brokers, 30 partitions',
    name: `${nodes}`,
    broker: { nodes, partitions: 30 },
    ...full(30, FULL),
    record: i => ({ topic: 't', value: SMALL, partition: i % 30, timestamp: TIMESTAMP }),
    target: 1.5,
  }))
}

function topics(): Case[] {
  return PARTITIONS.map(count => {
    const names = Array.from({ length: count }, (_, i) => `t${i}`)
    return {
      group: 'topics, full batches of 16 KiB, one a request',
      name: `${count}`,
      broker: one,
      ...full(count, FULL),
      record: i => ({ topic: names[i % count]!, value: SMALL, timestamp: TIMESTAMP }),
      target: 1.5,
    }
  })
}

function sizes(): Case[] {
  const shapes: readonly [name: string, size: number, records: number][] = [
    ['100 B', 100, 200_000],
    ['10 B', 10, 200_000],
    ['1 KB', 1_000, 50_000],
    ['10 KB', 10_000, 10_000],
    ['100 KB', 100_000, 1_000],
    ['1 MB', 1_000_000, 100],
  ]
  return shapes.map(([name, size, records]) => {
    const text = value(size)
    return {
      group: 'record size, 3 partitions, keyless',
      name,
      broker: { nodes: 1, partitions: 3 },
      ...STICKY,
      options: { ...STICKY.options, maxRequestSize: 2 << 20 },
      records,
      record: () => ({ topic: 't', value: text }),
    }
  })
}

export const CASES: readonly Case[] = [...partitions(), ...idle(), ...brokers(), ...topics(), ...sizes()]
