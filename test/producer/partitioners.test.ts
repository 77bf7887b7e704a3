import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { partitioners } from '../../src/index.js'
import type { RecordData } from '../../src/protocol/records/record-batch-builder.js'
import { COUNTS, VECTORS } from './partitioners.vectors.js'

const BY_KEY = ['murmur2', 'fnv1a', 'consistentRandom'] as const

function place(
  partitioner: typeof partitioners.murmur2,
  key: RecordData | undefined,
  count: number,
  topic = 't',
): number | undefined {
  return partitioner({ topic, key, value: null }, count)
}

BY_KEY.forEach((name, column) => {
  const partitioner = partitioners[name]

  test(`${name} places keys as librdkafka does, as strings and as bytes`, () => {
    for (const [key, ...all] of VECTORS) {
      const expected = all[column]
      if (expected === undefined) continue
      const bytes = new Uint8Array(Buffer.from(key))
      assert.deepEqual(
        COUNTS.map(count => place(partitioner, key, count)),
        expected,
        String(key),
      )
      assert.deepEqual(
        COUNTS.map(count => place(partitioner, bytes, count)),
        expected,
        String(key),
      )
    }
  })

  test(`${name} leaves records without a key to the default`, () => {
    for (const key of [undefined, null]) assert.equal(place(partitioner, key, 7), undefined)
  })
})

test('consistentRandom spreads empty keys over all partitions, as librdkafka does', () => {
  for (const key of ['', new Uint8Array()]) {
    const seen = new Set(Array.from({ length: 1_000 }, () => place(partitioners.consistentRandom, key, 3)))
    assert.deepEqual([...seen].sort(), [0, 1, 2])
  }
})

test('a hash that is the smallest integer has a partition', () => {
  // FNV-1a of these bytes is 0x80000000, whose absolute value is no 32-bit integer. Sarama: 2147483648 % 7.
  assert.equal(place(partitioners.fnv1a, Buffer.from('e7a3006e79', 'hex'), 7), 2_147_483_648 % 7)
})

test('roundRobin gives the records of each topic to its partitions in turn, whatever their key', () => {
  const partitioner = partitioners.roundRobin()
  const keys = ['a', 'a', undefined, null, '', 'a', 'b']
  assert.deepEqual(
    keys.map(key => place(partitioner, key, 3)),
    [0, 1, 2, 0, 1, 2, 0],
  )
  assert.equal(place(partitioner, 'a', 3, 'other'), 0, 'another topic has its own turn')
  assert.equal(place(partitioner, 'a', 3), 1)
})

test('roundRobin passes over partitions without a leader, and takes them again when they have one', () => {
  const partitioner = partitioners.roundRobin()
  let led = [0, 2, 3]
  const next = (count: number): number[] =>
    Array.from({ length: count }, () => partitioner({ topic: 't', value: null }, 4, index => led.includes(index)))
  assert.deepEqual(next(6), [0, 2, 3, 0, 2, 3])
  led = [0, 1, 2, 3]
  assert.deepEqual(next(4), [0, 1, 2, 3])
  led = [1]
  assert.deepEqual(next(3), [1, 1, 1])
  led = []
  assert.deepEqual(next(5), [2, 3, 0, 1, 2], 'Java has them in turn, too, if none has a leader')
})

test('two roundRobin partitioners count on their own', () => {
  const [one, two] = [partitioners.roundRobin(), partitioners.roundRobin()]
  assert.deepEqual([place(one, 'a', 2), place(two, 'a', 2), place(one, 'a', 2)], [0, 0, 1])
})
