import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { lastValueFrom, toArray } from 'rxjs'
import { createProducer } from '../../src/index.js'
import { startCluster } from '../../src/testing/index.js'
import { findings } from '../support/validator.js'
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
