import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { joinGroup } from '../../../src/protocol/messages/join-group.js'
import { type Bench, startBench } from '../raw-client.js'
import { CLASSIC, NEW, OLD, type RawProducer, rawProducer, type Versions } from './raw-producer.js'

async function initialized(bench: Bench, versions: Versions = NEW): Promise<RawProducer> {
  const producer = await rawProducer(bench, versions)
  await producer.init()
  if (versions !== NEW) await producer.addOffsets()
  return producer
}

describe('offsets of a transaction', () => {
  for (const [name, versions] of Object.entries({ NEW, CLASSIC, OLD })) {
    test(`are visible when it commits: ${name}`, async () => {
      await using bench = await startBench({ markerDelayMs: 10 })
      const producer = await initialized(bench, versions)
      assert.equal(await producer.commitOffsets({ 't/0': 5, 't/1': 6 }), 'NONE')
      assert.equal(await producer.commitOffsets({ 't/0': 7 }), 'NONE')
      const seen = async (): Promise<string[]> => [await producer.offset('t/0'), await producer.offset('t/0', true)]
      assert.deepEqual(await seen(), ['-1', 'UNSTABLE_OFFSET_COMMIT'])
      await producer.commit()
      assert.deepEqual(await seen(), ['-1', 'UNSTABLE_OFFSET_COMMIT'], 'markers are not written')
      await bench.time.advance(10)
      assert.deepEqual(await seen(), ['7', '7'])
      assert.equal(await producer.offset('t/1'), '6')
    })
  }

  test('are gone when it aborts', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    await producer.commitOffsets({ 't/0': 5 })
    await producer.abort()
    assert.equal(await producer.offset('t/0', true), '-1')
  })

  test('of an older epoch are refused', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    await producer.commitOffsets({ 't/0': 5 })
    const before = producer.twin()
    await producer.commit()
    assert.equal(await before.commitOffsets({ 't/0': 6 }), 'INVALID_PRODUCER_EPOCH')
  })

  test('of a deleted topic are gone', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    await producer.commitOffsets({ 't/0': 5 })
    bench.cluster.deleteTopic('t')
    bench.cluster.createTopic('t', { partitions: 1 })
    await producer.commit()
    assert.equal(await producer.offset('t/0', true), '-1')
  })

  test('of partitions that are not there are refused, the others not', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    const answer = await producer.commitOffsets({ 't/0': 5, 't/9': 5 })
    assert.equal(answer, 't/0 NONE, t/9 UNKNOWN_TOPIC_OR_PARTITION')
    await producer.commit()
    assert.equal(await producer.offset('t/0'), '5')
  })
})

describe('the group', () => {
  for (const [versions, code] of [
    [CLASSIC, 'TRANSACTION_ABORTABLE'],
    [OLD, 'INVALID_TXN_STATE'],
  ] as const) {
    test(`has to be added before version 5: ${code}`, async () => {
      await using bench = await startBench()
      const producer = await rawProducer(bench, versions)
      await producer.init()
      assert.equal(await producer.commitOffsets({ 't/0': 5 }), code)
      await producer.addOffsets('other')
      assert.equal(await producer.commitOffsets({ 't/0': 5 }), code, 'another group was added')
      await producer.addOffsets('g')
      assert.equal(await producer.commitOffsets({ 't/0': 5 }), 'NONE')
    })
  }

  test('has its own coordinator', async () => {
    await using bench = await startBench({ nodes: 2 })
    bench.cluster.moveCoordinator('tx', 1)
    const producer = await initialized(bench)
    const there = await rawProducer(bench, NEW, 'tx', 2)
    Object.assign(there, { producerId: producer.producerId, epoch: producer.epoch })
    assert.equal(await there.commitOffsets({ 't/0': 5 }), 'NOT_COORDINATOR')
    assert.equal(await producer.commitOffsets({ 't/0': 5 }), 'NONE')
  })
})

/** KIP-447 */
describe('the member that commits', () => {
  async function joined(bench: Bench, groupInstanceId: string | null = null): Promise<[string, number]> {
    const client = await bench.connect()
    const { memberId, generationId } = await bench.wait(
      client.request(joinGroup, 5, {
        groupId: 'g',
        sessionTimeoutMs: 60_000,
        rebalanceTimeoutMs: 60_000,
        memberId: await idOf(bench),
        groupInstanceId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      }),
    )
    return [memberId, generationId]
  }

  async function idOf(bench: Bench): Promise<string> {
    const client = await bench.connect()
    const { memberId } = await bench.wait(
      client.request(joinGroup, 5, {
        groupId: 'g',
        sessionTimeoutMs: 60_000,
        rebalanceTimeoutMs: 60_000,
        memberId: '',
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
      }),
    )
    return memberId
  }

  test('is of the current generation', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    const [memberId, generationId] = await joined(bench)
    const commit = (options: object): Promise<string> => producer.commitOffsets({ 't/0': 1 }, options)
    assert.equal(await commit({ memberId, generationId }), 'NONE')
    assert.equal(await commit({ memberId, generationId: generationId + 1 }), 'ILLEGAL_GENERATION')
    assert.equal(await commit({ memberId, generationId: generationId - 1 }), 'ILLEGAL_GENERATION')
    assert.equal(await commit({ memberId, generationId: -1 }), 'ILLEGAL_GENERATION')
    assert.equal(await commit({ memberId: 'other', generationId }), 'UNKNOWN_MEMBER_ID')
    assert.equal(await commit({ memberId: 'other', generationId: -1 }), 'UNKNOWN_MEMBER_ID')
    assert.equal(await commit({ memberId, generationId, groupInstanceId: 'i' }), 'UNKNOWN_MEMBER_ID')
    assert.equal(await commit({}), 'NONE', 'who says nothing of a member is not checked')
  })

  test('is the one that has the instance id', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    const [memberId, generationId] = await joined(bench, 'i')
    const commit = (options: object): Promise<string> => producer.commitOffsets({ 't/0': 1 }, options)
    assert.equal(await commit({ memberId, generationId, groupInstanceId: 'i' }), 'NONE')
    assert.equal(await commit({ memberId: 'other', generationId, groupInstanceId: 'i' }), 'FENCED_INSTANCE_ID')
  })

  test('of a group that is not there has no generation', async () => {
    await using bench = await startBench()
    const producer = await initialized(bench)
    assert.equal(await producer.commitOffsets({ 't/0': 1 }, { memberId: 'm', generationId: 0 }), 'ILLEGAL_GENERATION')
    assert.equal(await producer.commitOffsets({ 't/0': 1 }, { memberId: 'm' }), 'NONE', 'a group without members')
  })
})
