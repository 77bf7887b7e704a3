import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastValueFrom, tap } from 'rxjs'
import { Ledger } from '../../examples/support/ledger.js'
import { isExact } from '../../examples/support/report.js'
import { type PartitionReport, verify } from '../../examples/support/verify.js'
import { type Ack, createProducer, type ProducerRecord } from '../../src/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

interface World extends AsyncDisposable {
  readonly cluster: TestCluster
  /** Sends values as lines 0, 1, …; returns their acks. */
  send(values: readonly string[], key?: string): Promise<Ack<number>[]>
  /** The report on partition 0 if these acks were given. */
  report(acks: readonly Ack<number>[]): Promise<PartitionReport>
}

async function world(): Promise<World> {
  const cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  const producer = createProducer({ brokers: cluster.brokers })
  return {
    cluster,
    async send(values, key) {
      const acks: Ack<number>[] = []
      const records = values.map((value, line): ProducerRecord<number> => ({ topic: 't', key, value, metadata: line }))
      await lastValueFrom(producer.publish(records).pipe(tap(ack => acks.push(ack))))
      return acks
    },
    async report(acks) {
      const ledger = new Ledger()
      for (const ack of acks) ledger.add(ack)
      const [report] = await verify(cluster.brokers, 't', ledger)
      return report!
    },
    async [Symbol.asyncDispose]() {
      await producer.close()
      await cluster.stop()
    },
  }
}

test('what was acked is there: exact, also among records of others and with more lines than a ledger starts with', async () => {
  await using w = await world()
  await w.send(['of another', 'of another'])
  const acks = await w.send(Array.from({ length: 3000 }, (_, i) => `value ${i}`))
  await w.send(['of another'])
  const report = await w.report(acks)
  const expected = { partition: 0, records: 3000, first: 2n, last: 3001n, inOrder: true, missing: 0, duplicates: 0 }
  assert.deepEqual(report, expected)
  assert.ok(isExact(report))
})

test('equal lines are no duplicates', async () => {
  await using w = await world()
  assert.ok(isExact(await w.report(await w.send(['same', 'same', 'same']))))
})

test('a copy that was not acked is a duplicate, after the last ack too', async () => {
  for (const copy of [0, 1, 2]) {
    await using w = await world()
    const acks = await w.send(['a', 'b', 'c'])
    await w.send([['a', 'b', 'c'][copy]!])
    const { duplicates, missing } = await w.report(acks)
    assert.deepEqual({ duplicates, missing }, { duplicates: 1, missing: 0 })
  }
})

test('what lies before the first ack is not looked at, in the same batch neither', async () => {
  await using w = await world()
  const [, second] = await w.send(['same', 'same'])
  assert.equal(w.cluster.batches('t', 0).length, 1)
  assert.ok(isExact(await w.report([second!])))
})

test('a copy with another key is not a copy', async () => {
  await using w = await world()
  const acks = await w.send(['a'], 'k')
  await w.send(['a'], 'other')
  assert.ok(isExact(await w.report(acks)))
})

test('a record with another value, or another key, at its offset is missing', async () => {
  await using w = await world()
  const acks = await w.send(['a', 'b'], 'k')
  for (const changed of [{ value: 'A' }, { key: 'K' }, { key: null }]) {
    const claimed = acks.map((ack, i) => (i === 0 ? { ...ack, record: { ...ack.record, ...changed } } : ack))
    assert.equal((await w.report(claimed)).missing, 1)
  }
})

test('records that the log lost are missing, and looking for them ends', async () => {
  await using w = await world()
  const acks = [...(await w.send(['a', 'b'])), ...(await w.send(['c'])), ...(await w.send(['d', 'e']))]
  w.cluster.truncate('t', 0, 3n)
  assert.equal((await w.report(acks)).missing, 2)
  w.cluster.deleteRecords('t', 0, 2n)
  assert.equal((await w.report(acks)).missing, 4)
  w.cluster.truncate('t', 0, 0n)
  assert.equal((await w.report(acks)).missing, 5)
})

test('a log in another order than the input, or acks in another order than the log, are not in order', async () => {
  await using w = await world()
  const acks = await w.send(['a', 'b', 'c'])
  const swapped = acks.map(ack => ({ ...ack, record: { ...ack.record, metadata: 2 - ack.record.metadata! } }))
  assert.equal((await w.report(swapped)).inOrder, false)
  const { inOrder, missing, first, last } = await w.report([...acks].reverse())
  assert.deepEqual({ inOrder, missing, first, last }, { inOrder: false, missing: 0, first: 0n, last: 2n })
})
