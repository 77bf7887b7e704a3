import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { type Bench, batch, startBench } from './raw-client.js'

const { NONE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH } = ErrorCode
const MAX = 2147483647
const P = 1n

/** Sends `count` records from a sequence on; gives the error code and the base offset. */
async function send(bench: Bench, sequence: number, count = 1, epoch = 0, producerId = P): Promise<[number, bigint]> {
  const bytes = batch({ producerId, epoch, sequence, count })
  const { errorCode, baseOffset } = await bench.produce('t/0', bytes)
  return [errorCode, baseOffset]
}

const offsets = (bench: Bench): bigint[] => bench.cluster.batches('t', 0).map(({ baseOffset }) => baseOffset)
const rule = (bench: Bench): string | undefined =>
  bench.cluster.trace.flatMap(entry => (entry.kind === 'rejected' ? [entry.rule] : [])).at(-1)

describe('R1: a batch that is one of the last five is a duplicate', () => {
  test('success with the original offset, nothing appended, for each of the five', async () => {
    await using bench = await startBench()
    for (let i = 0; i < 5; i++) assert.deepEqual(await send(bench, i * 2, 2), [NONE, BigInt(i * 2)])
    for (const i of [4, 0, 2, 1, 3, 0]) assert.deepEqual(await send(bench, i * 2, 2), [NONE, BigInt(i * 2)])
    assert.deepEqual(offsets(bench), [0n, 2n, 4n, 6n, 8n])
    assert.equal(bench.cluster.trace.filter(({ kind }) => kind === 'duplicate').length, 6)
    assert.deepEqual(await send(bench, 10), [NONE, 10n])
  })

  test('the sixth from the end is out of order', async () => {
    await using bench = await startBench()
    for (let i = 0; i < 6; i++) await send(bench, i)
    assert.deepEqual(await send(bench, 0), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 1), [NONE, 1n])
  })

  test('a batch across the wrap is known again', async () => {
    await using bench = await startBench()
    await send(bench, MAX - 1, 4)
    assert.deepEqual(await send(bench, MAX - 1, 4), [NONE, 0n])
    assert.deepEqual(offsets(bench), [0n])
  })

  test('producers and partitions are apart', async () => {
    await using bench = await startBench()
    await send(bench, 0)
    assert.deepEqual(await send(bench, 0, 1, 0, 2n), [NONE, 1n])
    const other = await bench.produce('t/1', batch({ producerId: P }))
    assert.deepEqual([other.errorCode, other.baseOffset], [NONE, 0n])
    assert.equal(bench.cluster.records('t', 1).length, 1)
  })
})

test('R2: an older epoch is refused, even with a sequence that would fit or was there', async () => {
  await using bench = await startBench()
  await send(bench, 0, 1, 3)
  for (const [sequence, epoch] of [
    [0, 2],
    [1, 2],
    [0, 0],
  ] as const) {
    assert.deepEqual(await send(bench, sequence, 1, epoch), [INVALID_PRODUCER_EPOCH, -1n])
    assert.equal(rule(bench), 'R2')
  }
  assert.deepEqual(await send(bench, 1, 1, 3), [NONE, 1n])
})

describe('R3: a newer epoch', () => {
  test('begins at 0, whatever the old one had', async () => {
    await using bench = await startBench()
    await send(bench, 0, 3)
    assert.deepEqual(await send(bench, 3, 1, 1), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.equal(rule(bench), 'R3')
    assert.deepEqual(await send(bench, 0, 3, 1), [NONE, 3n])
  })

  test('forgets the batches of the old one', async () => {
    await using bench = await startBench()
    for (let i = 0; i < 3; i++) await send(bench, i)
    await send(bench, 0, 1, 1)
    assert.deepEqual(await send(bench, 1, 1, 1), [NONE, 4n])
    assert.deepEqual(await send(bench, 2, 1, 0), [INVALID_PRODUCER_EPOCH, -1n])
  })
})

describe('R4: the sequence follows the last one', () => {
  for (const [what, sequence, count] of [
    ['a gap', 11, 1],
    ['an overlap at the end', 9, 2],
    ['an overlap at the start', 4, 2],
    ['the same first sequence with another count', 5, 4],
    ['the same last sequence with another count', 6, 4],
    ['0 again', 0, 1],
  ] as const) {
    test(`${what} is out of order`, async () => {
      await using bench = await startBench()
      await send(bench, 0, 5)
      await send(bench, 5, 5)
      assert.deepEqual(await send(bench, sequence, count), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
      assert.equal(rule(bench), 'R4')
      assert.deepEqual(offsets(bench), [0n, 5n])
    })
  }

  test('0 follows 2147483647', async () => {
    await using bench = await startBench()
    await send(bench, MAX - 1, 2)
    assert.deepEqual(await send(bench, 1), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 0), [NONE, 2n])
    assert.deepEqual(await send(bench, 1), [NONE, 3n])
  })

  test('2147483647 follows 2147483646, not 0', async () => {
    await using bench = await startBench()
    await send(bench, MAX - 1)
    assert.deepEqual(await send(bench, 0), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, MAX), [NONE, 1n])
    assert.deepEqual(await send(bench, 0), [NONE, 2n])
  })

  test('the wrap may be inside a batch: MAX-1, MAX, 0, 1, then 2', async () => {
    await using bench = await startBench()
    await send(bench, MAX - 1, 4)
    assert.deepEqual(
      bench.cluster.records('t', 0).map(({ sequence }) => sequence),
      [MAX - 1, MAX, 0, 1],
    )
    assert.deepEqual(await send(bench, 3), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 2), [NONE, 4n])
  })
})

describe('R5: a producer that the partition does not know', () => {
  test('may begin with any sequence', async () => {
    await using bench = await startBench()
    assert.deepEqual(await send(bench, 77), [NONE, 0n])
    assert.deepEqual(await send(bench, 78), [NONE, 1n])
  })

  test('has to begin with 0 if the broker is strict', async () => {
    await using bench = await startBench({ strictFirstSequence: true })
    assert.deepEqual(await send(bench, 77), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.equal(rule(bench), 'R5')
    assert.deepEqual(await send(bench, 0), [NONE, 0n])
  })
})

test('R6: a rejection changes nothing', async () => {
  await using bench = await startBench()
  for (let i = 0; i < 5; i++) await send(bench, i)
  for (const [sequence, epoch] of [
    [7, 0],
    [9, 1],
    [0, 0],
  ] as const)
    await send(bench, sequence, 2, epoch)
  const corrupt = batch({ producerId: P, sequence: 5 })
  corrupt[corrupt.length - 1]! ^= 1
  assert.equal((await bench.produce('t/0', corrupt)).errorCode, ErrorCode.CORRUPT_MESSAGE)
  for (let i = 0; i < 5; i++) assert.deepEqual(await send(bench, i), [NONE, BigInt(i)])
  assert.deepEqual(await send(bench, 5), [NONE, 5n])
  assert.deepEqual(offsets(bench), [0n, 1n, 2n, 3n, 4n, 5n])
})

describe('R7: what is known of producers', () => {
  test('stays when their records are deleted', async () => {
    await using bench = await startBench()
    await send(bench, 0, 3)
    bench.cluster.deleteRecords('t', 0, 3n)
    assert.equal(bench.cluster.records('t', 0).length, 0)
    assert.deepEqual(await send(bench, 0, 3), [NONE, 0n])
    assert.deepEqual(await send(bench, 5), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 3), [NONE, 3n])
  })

  test('is the last batch only after a restart: older ones are out of sequence', async () => {
    await using bench = await startBench()
    for (let i = 0; i < 3; i++) await send(bench, i)
    bench.cluster.reloadProducers('t', 0)
    for (let i = 0; i < 2; i++) assert.deepEqual(await send(bench, i), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 2), [NONE, 2n])
    assert.deepEqual(await send(bench, 3), [NONE, 3n])
    assert.deepEqual(await send(bench, 2), [NONE, 2n])
  })

  test('goes for one producer, or for all', async () => {
    await using bench = await startBench()
    await send(bench, 0)
    await send(bench, 0, 1, 0, 2n)
    bench.cluster.forgetProducer('t', 0, P)
    assert.deepEqual(await send(bench, 9), [NONE, 2n])
    assert.deepEqual(await send(bench, 9, 1, 0, 2n), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    bench.cluster.expireProducers()
    assert.deepEqual(await send(bench, 9, 1, 0, 2n), [NONE, 3n])
    assert.deepEqual(await send(bench, 9), [NONE, 4n], 'a duplicate that is not known any more is appended')
  })

  test('goes back to what is left when the log is truncated', async () => {
    await using bench = await startBench()
    for (let i = 0; i < 4; i++) await send(bench, i)
    await send(bench, 0, 1, 0, 2n)
    bench.cluster.truncate('t', 0, 2n)
    assert.deepEqual(await send(bench, 1), [NONE, 1n])
    assert.deepEqual(await send(bench, 3), [OUT_OF_ORDER_SEQUENCE_NUMBER, -1n])
    assert.deepEqual(await send(bench, 2), [NONE, 2n])
    assert.deepEqual(await send(bench, 7, 1, 0, 2n), [NONE, 3n], 'the other producer is not known any more')
  })

  test('stays with the topic: one that is deleted and made again begins anew', async () => {
    await using bench = await startBench()
    await send(bench, 0)
    bench.cluster.deleteTopic('t')
    bench.cluster.createTopic('t', { partitions: 1 })
    assert.deepEqual(await send(bench, 5), [NONE, 0n])
  })
})

test('a producer without an id is not deduplicated', async () => {
  await using bench = await startBench()
  for (let i = 0; i < 3; i++) assert.equal((await bench.produce('t/0', batch())).baseOffset, BigInt(i))
  assert.deepEqual(
    bench.cluster.records('t', 0).map(({ sequence }) => sequence),
    [-1, -1, -1],
  )
})
