import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { Partition } from '../../src/producer/partition.js'
import { murmur2, PartitionChooser, partitionOfKey } from '../../src/producer/partitioner.js'
import { Topic } from '../../src/producer/topic.js'

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

function topicOf(partitionCount: number): Topic {
  const topic = new Topic('t', 1000)
  for (let i = 0; i < partitionCount; i++) {
    const partition = new Partition('t', i, 1, { settle() {}, split() {}, pause() {}, epochBumped() {} })
    partition.led(1)
    topic.partitions.push(partition)
  }
  return topic
}

test('first the record, then the custom partitioner, then the key', () => {
  const topic = topicOf(3)
  const chooser = new PartitionChooser(
    record => (record.value === 'mine' ? 2 : undefined),
    0,
    () => {},
  )
  assert.equal(chooser.choose({ topic: 't', value: 'mine', partition: 1, key: 'k' }, topic, 10), 1)
  assert.equal(chooser.choose({ topic: 't', value: 'mine', key: 'k' }, topic, 10), 2)
  assert.equal(chooser.choose({ topic: 't', value: '', key: 'k' }, topic, 10), partitionOfKey('k', 3))
  assert.equal(
    chooser.choose({ topic: 't', value: '', key: '' }, topic, 10),
    partitionOfKey('', 3),
    'an empty key is a key',
  )
})

test('keyless records pass over partitions that nobody leads', () => {
  const topic = topicOf(3)
  topic.partitions[0]!.led(-1)
  topic.partitions[2]!.led(-1)
  const chooser = new PartitionChooser(undefined, 0, () => {})
  for (let i = 0; i < 6; i++) assert.equal(chooser.choose({ topic: 't', value: '' }, topic, 10), 1)
  topic.partitions[1]!.led(-1)
  assert.ok(chooser.choose({ topic: 't', value: '' }, topic, 10) >= 0, 'and take any when nobody leads any')
})
