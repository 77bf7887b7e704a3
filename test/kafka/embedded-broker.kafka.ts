import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { lastValueFrom, toArray } from 'rxjs'
import { createProducer } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { findings } from '../support/validator.js'
import { RawClient } from '../testing/raw-client.js'
import { NEW, RawProducer } from '../testing/transactions/raw-producer.js'
import { readWithKcat } from './readers.js'

const run = promisify(execFile)

test('kcat lists the embedded brokers, writes to them and reads from them', async () => {
  await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 4 } } })
  const brokers = ['-b', cluster.brokers.join()]
  const { stdout } = await run('kcat', [...brokers, '-L'])
  assert.match(stdout, /3 brokers/)
  assert.match(stdout, /topic "t" with 4 partitions/)

  for (const extra of [
    [],
    ['-X', 'enable.idempotence=true'],
    ...['gzip', 'snappy', 'lz4', 'zstd'].map(codec => ['-z', codec]),
  ]) {
    const sent = run('kcat', [...brokers, '-P', '-t', 'written', '-K', ':', ...extra])
    sent.child.stdin?.end(Array.from({ length: 1000 }, (_, i) => `k${i % 10}:v${i}\n`).join(''))
    await sent
  }
  const written = [0, 1, 2].flatMap(partition => cluster.records('written', partition))
  assert.equal(written.length, 6000)
  assert.equal((await readWithKcat(cluster.brokers, 'written')).length, 6000)
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`what the producer writes to the embedded brokers, kcat reads: ${compression}`, async () => {
    await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 6 } } })
    await using producer = createProducer({ brokers: cluster.brokers, compression })
    const records = Array.from({ length: 10_000 }, (_, i) => ({
      topic: 't',
      key: `k${i % 50}`,
      value: `v${i}`,
      metadata: i,
    }))
    const acks = await lastValueFrom(producer.publish(records).pipe(toArray()))
    assert.deepEqual(findings(10_000, acks, await readWithKcat(cluster.brokers, 't')), [])
  })
}

test('kcat reads what is committed, up to the first open transaction', async () => {
  await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 1 } } })
  const client = new RawClient(tcp, cluster.brokers[cluster.leader('t', 0) - 1]!)
  cluster.moveCoordinator('one', cluster.leader('t', 0))
  cluster.moveCoordinator('two', cluster.leader('t', 0))
  const [one, two] = ['one', 'two'].map(id => new RawProducer(client, promise => promise, NEW, id))
  for (const producer of [one!, two!]) await producer.init()
  for (const [i, committed] of [true, false, true].entries()) {
    await one!.produce('t/0', { values: [`${i} ${committed}`] })
    await one!.end(committed)
  }
  await two!.produce('t/0', { values: ['open'] })
  await one!.produce('t/0', { values: ['behind it'] })
  await one!.commit()
  const values = async (isolation: string): Promise<string[]> =>
    (await readWithKcat(cluster.brokers, 't', '-X', `isolation.level=${isolation}`)).map(({ value }) => `${value}`)
  assert.deepEqual(await values('read_committed'), ['0 true', '2 true'])
  assert.deepEqual(await values('read_uncommitted'), ['0 true', '1 false', '2 true', 'open', 'behind it'])
  await two!.abort()
  assert.deepEqual(await values('read_committed'), ['0 true', '2 true', 'behind it'])
  client.destroy()
})

for (const markerDelayMs of [0, 100]) {
  test(`kcat writes a transaction: markers after ${markerDelayMs} ms`, async () => {
    await using cluster = await startCluster({ nodes: 3, markerDelayMs, topics: { t: { partitions: 3 } } })
    for (let i = 0; i < 2; i++) {
      const sent = run('kcat', ['-b', cluster.brokers.join(), '-P', '-t', 't', '-X', 'transactional.id=kcat'])
      sent.child.stdin?.end('a\nb\nc\n')
      await sent
    }
    assert.equal((await readWithKcat(cluster.brokers, 't', '-X', 'isolation.level=read_committed')).length, 6)
    assert.equal(cluster.transaction('kcat')?.state, 'CompleteCommit')
  })
}
