import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError } from '../../src/index.js'
import { startWorld, valuesIn, watch } from '../support/world.js'
import { PULLED } from './sources.js'

const CLUSTER = { topics: { t: { partitions: 1 }, stamped: { partitions: 1, logAppendTime: true } }, replyDelayMs: 5 }
const SMALL = { bufferMemory: 100_000, maxRequestSize: 1_024, batchSize: 1_024 }
const records = (count: number, topic = 't') =>
  Array.from({ length: count }, (_, i) => ({ topic, value: `v${i}`.padEnd(100, '.') }))

for (const [kind, sourceOf] of Object.entries(PULLED)) {
  test(`publishBatches(): ${kind}: an ack for what was settled together, and no more is read than there is memory for`, async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    let most = 0
    const acks = watch(world.producer.publishBatches(sourceOf(records(3_000).values())))
    await world.time.until(() => {
      most = Math.max(most, world.producer.bufferedBytes)
      return acks.done
    })
    assert.equal(
      acks.values.reduce((sum, { count }) => sum + count, 0),
      3_000,
    )
    assert.ok(acks.values.length < 1_000)
    assert.ok(most <= SMALL.bufferMemory)
    assert.equal(valuesIn(world.cluster, 't', 0).length, 3_000)
    await world.end()
  })
}

test('publishBatches(): data of any kind, by options', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const acks = watch(world.producer.publishBatches([1, 2, 3], { topic: 't', value: n => `n${n}` }))
  await world.time.until(() => acks.done)
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['n1', 'n2', 'n3'])
  assert.throws(() => world.producer.publishBatches({ topic: 't', value: 'v' } as never), InvalidArgumentError)
  await world.end()
})

test('a batch ack has the time of the append and the start of the log, where the broker tells them', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const send = async (topic: string) => {
    const acks = watch(world.producer.publishBatches(records(3, topic)))
    await world.time.until(() => acks.done)
    return acks.values.at(-1)!
  }
  const first = await send('t')
  assert.deepEqual([first.logAppendTime, first.logStartOffset], [-1, 0n])
  world.cluster.deleteRecords('t', 0, 2n)
  assert.equal((await send('t')).logStartOffset, 2n)
  const { logAppendTime } = await send('stamped')
  assert.equal(BigInt(logAppendTime), world.cluster.records('stamped', 0).at(-1)!.timestamp)
  await world.end()
})
