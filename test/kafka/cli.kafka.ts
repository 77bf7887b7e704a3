import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start, tempFolder } from '../cli/support/command.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithKcat } from './readers.js'

const file = tempFolder()

test(`the command: keys, headers and timestamps of a file, read back by kcat from Apache Kafka ${VERSIONS[0]}`, async () => {
  await using kafka = await KafkaCluster.start({ version: VERSIONS[0] })
  const orders = Array.from({ length: 20_000 }, (_, i) => ({
    ...{
      customer: `c-${i % 50}`,
      app: i % 2 ? 'shop' : 'web',
      at: 1_700_000_000_000 + i,
      payload: i % 100 ? { i } : null,
    },
  }))
  const input = file('orders.ndjson', orders.map(order => `${JSON.stringify(order)}\n`).join(''))
  const fields = ['-k', '.customer', '-H', 'source=.app', '--value', '.payload', '--timestamp', '.at', '-z', 'gzip']
  const { code, stderr, stdout } = await start([
    ...['produce', '-b', kafka.brokers.join(), '-t', 'orders', '--json', ...fields, input],
  ]).ended
  assert.equal(code, 0, stderr)
  assert.deepEqual([JSON.parse(stdout).acked, JSON.parse(stdout).failed], [20_000, 0])
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())
  const read = (await readWithKcat(kafka.brokers, 'orders'))
    .sort((a, b) => a.timestamp - b.timestamp)
    .map(({ key, value, headers, timestamp }) => [text(key), text(value), headers, timestamp])
  const written = orders.map(({ customer, app, at, payload }) => [
    ...[customer, payload && JSON.stringify(payload), `source=${app}`, at],
  ])
  assert.deepEqual(read, written)
})
