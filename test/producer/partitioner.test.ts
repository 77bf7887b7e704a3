import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import type { InvalidRecordError } from '../../src/errors.js'
import { type Movement, PartitionChooser } from '../../src/producer/batching/partition-chooser.js'
import { Batch } from '../../src/producer/model/batch.js'
import { Partition } from '../../src/producer/model/partition.js'
import type { ProducerRecord } from '../../src/producer/model/record.js'
import type { TakenRecord } from '../../src/producer/model/taken-record.js'
import { Topic } from '../../src/producer/model/topic.js'
import { murmur2, partitionOfKey } from '../../src/producer/records/partition-of-key.js'
import { askPartitioner } from '../../src/producer/records/partitioner.js'
import { ledBy } from '../../src/producer/sequencing/recovery.js'
import { type RecordData, RecordLengths } from '../../src/protocol/records/record-batch-builder.js'
import { append, taken } from '../support/taken.js'

// What Java's client computes: the values of its own test, org.apache.kafka.common.utils.UtilsTest.
const JAVA: readonly [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

test('murmur2 is that of Java', () => {
  for (const [text, hash] of JAVA) assert.equal(murmur2(Buffer.from(text)), hash, text)
})

test('a key has the partition that kafkajs gives it', () => {
  const choose = kafkajs.Partitioners.DefaultPartitioner()
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId, leader: 1 }))
  for (let i = 0; i < 1000; i++) {
    const key = i % 2 ? `key-${i}-ä€😀` : Buffer.from([i & 0xff, i >> 8, 0xff, 0x80, i & 0x7f].slice(0, i % 6))
    const expected = choose({ topic: 't', partitionMetadata: partitionMetadata as never, message: { key, value: '' } })
    assert.equal(partitionOfKey(key, 7), expected, String(key))
  }
})

test('a text has the partition of its bytes, whatever its length and letters', () => {
  for (let length = 0; length < 140; length++) {
    for (const last of ['z', '\u007f', '\u0080', 'ä', '€', '😀']) {
      const key = 'abcdefghijklmnopqrstuvwxy'.repeat(6).slice(0, length) + last
      assert.equal(partitionOfKey(key, 1009), partitionOfKey(Buffer.from(key), 1009), key)
    }
  }
})

/** Those that somebody leads. */
const LED: Movement = { changes: 0, moves: ({ leader }) => leader !== -1 }

function topicOf(partitionCount: number, batchSize = 1000): Topic {
  const topic = new Topic('t', batchSize)
  for (let i = 0; i < partitionCount; i++) {
    const partition = new Partition('t', i, 1)
    ledBy(partition, 1)
    topic.partitions.push(partition)
    topic.count++
  }
  return topic
}

const lengthsOf = (key: RecordData | undefined): RecordLengths => {
  const lengths = new RecordLengths()
  lengths.measure(key, '', undefined)
  return lengths
}
const choose = (chooser: PartitionChooser, topic: Topic, key?: RecordData, partition?: number): number =>
  chooser.choose(partition, key, topic, lengthsOf(key))

test('first the record, then the key', () => {
  const topic = topicOf(3)
  const chooser = new PartitionChooser(0, LED, () => {})
  assert.equal(choose(chooser, topic, 'k', 1), 1)
  assert.equal(choose(chooser, topic, 'k'), partitionOfKey('k', 3))
  assert.equal(choose(chooser, topic, ''), partitionOfKey('', 3), 'an empty key is a key')
})

test('keyless records pass over partitions that nobody leads', () => {
  const topic = topicOf(3)
  ledBy(topic.partitions[0]!, -1)
  ledBy(topic.partitions[2]!, -1)
  const chooser = new PartitionChooser(0, LED, () => {})
  for (let i = 0; i < 6; i++) assert.equal(choose(chooser, topic), 1)
  ledBy(topic.partitions[1]!, -1)
  assert.ok(choose(chooser, topic) >= 0, 'and take any when nobody leads any')
})

/** Partitions that stand still, and how often one of all was asked for. */
class Standing implements Movement {
  changes = 0
  asked = 0
  readonly still = new Set<number>()

  moves({ index }: Partition): boolean {
    this.asked++
    return !this.still.has(index)
  }
}

/** A chooser of three partitions, and what it does with each record: the partition where it opens or fills a batch. */
function openBatch(batchSize: number): { standing: Standing; left: number[]; send(): number; draw(): void } {
  const topic = topicOf(3, batchSize)
  const standing = new Standing()
  const left: number[] = []
  const chooser = new PartitionChooser(0, standing, ({ partition }) => left.push(partition))
  return {
    standing,
    left,
    send() {
      const index = choose(chooser, topic)
      const partition = topic.partitions[index]!
      const fits = partition.openBatch !== undefined && partition.openBatch.size + 30 <= batchSize
      if (!fits) partition.add(new Batch('t', index, Buffer.alloc(batchSize)))
      append(partition.openBatch!, { topic: 't', value: '' }, 0, { settled() {}, neverBatched() {} })
      return index
    },
    draw() {
      for (const { openBatch } of topic.partitions) openBatch?.pack()
    },
  }
}

test('keyless records leave a partition that does not move while others do, and come back when it does', () => {
  const { standing, left, send } = openBatch(10_000)
  assert.deepEqual([send(), send(), send()], [0, 0, 0])
  standing.still.add(0)
  assert.equal(send(), 0, 'nobody has said that something has changed')
  standing.changes++
  assert.deepEqual([send(), send(), left], [1, 1, [0]])
  standing.still.add(1)
  standing.changes++
  assert.deepEqual([send(), send(), left], [2, 2, [0, 1]])
  standing.still.clear()
  standing.still.add(2)
  standing.changes++
  assert.deepEqual([send(), send()], [0, 0])
})

test('while none moves they fill batches as ever, one after the other', () => {
  const { standing, send } = openBatch(300)
  for (const index of [0, 1, 2]) standing.still.add(index)
  const places: number[] = []
  for (let i = 0; i < 300; i++) {
    standing.changes++
    places.push(send())
  }
  const runs = places.filter((index, i) => index !== places[i - 1])
  assert.equal(places.length / runs.length > 5, true, String(runs))
  assert.deepEqual(
    runs,
    runs.map((_, i) => (runs[0]! + i) % 3),
  )
})

test('keyless records pass over a partition with more batches to send than others', () => {
  const topic = topicOf(4, 100)
  const chooser = new PartitionChooser(0, LED, () => {})
  const queue = (index: number): void => {
    const batch = new Batch('t', index, Buffer.alloc(100))
    topic.partitions[index]!.add(batch)
    batch.pack()
  }
  const turns = (count: number): number[] => Array.from({ length: count }, () => choose(chooser, topic))
  assert.deepEqual(turns(4), [0, 1, 2, 3])
  queue(0)
  queue(1)
  assert.deepEqual(turns(4), [2, 3, 2, 3])
  for (const index of [2, 3, 3]) queue(index)
  assert.deepEqual(turns(4), [0, 1, 2, 0])
  topic.partitions[1]!.waiting.shift()
  assert.deepEqual(turns(2), [1, 1])
})

test('a partition that stops with its first record keeps that one alone', () => {
  const { standing, send, draw } = openBatch(10_000)
  standing.still.add(2)
  assert.equal(send(), 0)
  draw()
  assert.equal(send(), 1)
  standing.still.add(1)
  assert.deepEqual([send(), send()], [0, 0])
})

test('while nothing changes, no partition is looked at for a record that finds room', () => {
  const { standing, send } = openBatch(100_000)
  send()
  send()
  const { asked } = standing
  for (let i = 0; i < 1_000; i++) send()
  assert.equal(standing.asked, asked)
})

const hasLeader = (): boolean => true

test('a topic tells a partitioner which partitions have a leader', () => {
  const topic = topicOf(3)
  ledBy(topic.partitions[1]!, -1)
  assert.deepEqual([-1, 0, 1, 2, 3, 0.5, Number.NaN].map(topic.hasLeader), [
    false,
    true,
    false,
    true,
    false,
    false,
    false,
  ])
})

test('a custom partitioner decides, or leaves it to the default', () => {
  const record = taken({ topic: 't', value: 'mine', key: 'k', headers: { h: 'x' }, timestamp: 5, metadata: 'm' })
  const shown: unknown[] = []
  const ask = (index: unknown): TakenRecord | InvalidRecordError =>
    askPartitioner(
      (...args) => {
        shown.push(args)
        return index as number
      },
      record,
      { count: 3, hasLeader },
    )
  assert.equal(ask(undefined), record)
  assert.deepEqual(ask(2), { ...record, partition: 2 })
  const {
    topic,
    key,
    value,
    timestamp,
    record: { metadata },
  } = record
  assert.deepEqual(shown[0], [{ topic, key, value, headers: [['h', 'x']], timestamp, metadata }, 3, hasLeader])
})

test('what is no partition is refused, whatever it is', () => {
  const cases: readonly [unknown, RegExp][] = [
    ['length', /returned "length" for topic t; it must return an integer from 0 to 2, or undefined/],
    [Symbol('s'), /returned Symbol\(s\)/],
    ['0', /returned "0"/],
    [3, /returned 3/],
    [-1, /returned -1/],
    [0.5, /returned 0.5/],
    [Number.NaN, /returned NaN/],
    [0n, /returned 0/],
    [null, /returned null/],
    [true, /returned true/],
    [Promise.resolve(0), /returned an object of class Promise/],
    [Object.create(null), /returned an object of class none/],
  ]
  for (const [index, expected] of cases) {
    const record = taken({ topic: 't', value: '' })
    const result = askPartitioner(() => index as number, record, { count: 3, hasLeader })
    assert.match(result instanceof Error ? result.message : 'taken', expected)
  }
})

test('a partitioner sees copies: what it does to them changes nothing', () => {
  const record = taken({ topic: 't', key: Buffer.from('key'), value: Buffer.from('value') })
  const spoil = ({ key, value }: ProducerRecord): number => {
    ;(key as Buffer).fill('!')
    ;(value as Buffer).fill('!')
    return 0
  }
  const asked = askPartitioner(spoil, record, { count: 1, hasLeader })
  assert.ok(!(asked instanceof Error))
  assert.deepEqual([String(asked.key), String(asked.value)], ['key', 'value'])
})
