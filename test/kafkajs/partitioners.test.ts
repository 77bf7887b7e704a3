import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { Partitioners } from '../../src/kafkajs/index.js'
import { startCluster } from '../../src/testing/index.js'
import { APIS, client, connected } from './support.js'

const names = ['DefaultPartitioner', 'LegacyPartitioner', 'JavaCompatiblePartitioner'] as const

function partitions(count: number, without: readonly number[] = []): kafkajs.PartitionMetadata[] {
  return Array.from({ length: count }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: without.includes(partitionId) ? -1 : 1,
    replicas: [],
    isr: [],
  }))
}

const KEYS: readonly (string | Buffer)[] = [
  '',
  'a',
  'ab',
  'abc',
  'abcd',
  'schlüssel',
  '日本語',
  '100:48069',
  ...Array.from({ length: 500 }, (_, i) => `key-${i * 7919}`),
  ...Array.from({ length: 500 }, (_, i) =>
    Buffer.from(Array.from({ length: i % 23 }, (_, j) => (i * 31 + j * 97) & 0xff)),
  ),
]

for (const name of names) {
  describe(name, () => {
    test('gives every key the partition that kafkajs gives it', () => {
      const [mine, its] = [Partitioners[name](), kafkajs.Partitioners[name]()]
      const used = new Set<number>()
      for (const count of [1, 2, 3, 7, 12, 100]) {
        for (const key of KEYS) {
          const args = { topic: 't', partitionMetadata: partitions(count), message: { key, value: null } }
          assert.equal(mine(args), its(args), `${String(key)} of ${count}`)
          used.add(mine(args))
        }
      }
      assert.equal(used.size, 100)
    })

    test('takes the partition of the message, even 0', () => {
      const choose = Partitioners[name]()
      for (const partition of [99, 0])
        assert.equal(
          choose({ topic: 't', partitionMetadata: partitions(3), message: { key: '1', value: null, partition } }),
          partition,
        )
    })

    test('gives messages without a key to partitions with a leader in turn, for each topic', () => {
      const choose = Partitioners[name]()
      const counts = new Map<string, number>()
      for (let i = 0; i < 30; i++) {
        for (const topic of ['a', 'b']) {
          const chosen = choose({ topic, partitionMetadata: partitions(3, [0]), message: { value: null } })
          counts.set(`${topic}${chosen}`, (counts.get(`${topic}${chosen}`) ?? 0) + 1)
        }
      }
      assert.deepEqual(Object.fromEntries(counts), {
        a1: counts.get('a1'),
        a2: counts.get('a2'),
        b1: counts.get('b1'),
        b2: counts.get('b2'),
      })
      assert.ok(
        [...counts.values()].every(count => count === 15 || count === 14 || count === 16),
        `${[...counts]}`,
      )
    })
  })
}

test('JavaCompatiblePartitioner is DefaultPartitioner', () => {
  assert.equal(Partitioners.JavaCompatiblePartitioner, Partitioners.DefaultPartitioner)
})

for (const name of [undefined, ...names]) {
  test(`a producer with ${name ?? 'no createPartitioner'} stores each key where kafkajs stores it`, async () => {
    await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 7 } } })
    const sent = KEYS.slice(0, 600).map(key => ({ key, value: 'v' }))
    const places: string[][] = []
    for (const [, api] of APIS) {
      const topic = `t${places.length}`
      cluster.createTopic(topic, { partitions: 7 })
      const producer = client(cluster, api).producer(name && { createPartitioner: api.Partitioners[name] })
      await producer.connect()
      await producer.send({ topic, messages: sent })
      await producer.disconnect()
      places.push(
        Array.from({ length: 7 }, (_, i) =>
          cluster.records(topic, i).map(({ key }) => `${i}: ${key?.toString('hex')}`),
        ).flat(),
      )
    }
    assert.equal(places[1]!.length, sent.length)
    assert.deepEqual(places[1], places[0])
  })
}

test('messages without a key are spread over all partitions, also one by one', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 4 } } })
  const producer = await connected(cluster)
  for (let i = 0; i < 8; i++) await producer.send({ topic: 't', messages: [{ value: `${i}` }] })
  await producer.disconnect()
  assert.deepEqual(
    [0, 1, 2, 3].map(partition => cluster.records('t', partition).length),
    [2, 2, 2, 2],
  )
})

test('a custom partitioner sees the message as it is, and decides about named partitions as well', async () => {
  await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 3 } } })
  const seen: kafkajs.PartitionerArgs[] = []
  const createPartitioner = () => (args: kafkajs.PartitionerArgs) => {
    seen.push(args)
    return Number(args.message.headers?.to)
  }
  const producer = await connected(cluster, { createPartitioner })
  const messages = [
    { key: 'k', value: 'a', headers: { to: '2' } },
    { value: 'b', headers: { to: '1' }, partition: 0 },
  ]
  await producer.send({ topic: 't', messages })
  await producer.send({ topic: 't', messages: [messages[0]!] })
  await producer.disconnect()
  assert.deepEqual(
    [0, 1, 2].map(partition => cluster.records('t', partition).map(({ value }) => String(value))),
    [[], ['b'], ['a', 'a']],
  )
  assert.equal(seen[0]!.message, messages[0])
  assert.equal(seen[1]!.message, messages[1])
  const { topic, partitionMetadata } = seen[2]!
  assert.equal(topic, 't')
  assert.deepEqual(
    partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader]),
    [0, 1, 2].map(partition => [partition, cluster.leader('t', partition)]),
  )
})

test('producers begin anywhere, so that many which send one message each do not all choose the first partition', () => {
  const first = (): number =>
    Partitioners.DefaultPartitioner()({ topic: 't', partitionMetadata: partitions(8), message: { value: null } })
  assert.ok(new Set(Array.from({ length: 200 }, first)).size > 1)
})
