import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterOptions, startCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { RawClient } from '../testing/raw-client.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { conversations } from './transaction-conversations.js'
import { TOPICS, talk } from './transaction-talk.js'

/*
 * As same-answers.kafka.ts, for transactions: the same producers talk to the embedded broker and to Kafka, and both have to answer and to
 * store the same. Kafka writes markers after it has answered, so a producer waits for that after each end.
 */

const OF_3_9 = { Produce: [3, 11], EndTxn: [0, 4], TxnOffsetCommit: [0, 4] } as const

/** The newest requests are for levels above 0: at 0 Kafka can't store what they do. */
for (const [version, level, options] of [
  [VERSIONS[0], 2, {}],
  [VERSIONS[0], 1, { transactionVersion: 1 }],
  [VERSIONS[0], 0, { transactionVersion: 0 }],
  [VERSIONS[1], 0, { transactionVersion: 0, apiVersions: OF_3_9 }],
] as readonly (readonly [string, number, ClusterOptions])[]) {
  test(`transactions of Apache Kafka ${version} at level ${level}`, { timeout: 120_000 }, async () => {
    const since4 = version === VERSIONS[0]
    const partitions = Object.keys(conversations).length * 3
    await using kafka = await KafkaCluster.start({
      version,
      features: since4 ? [`transaction.version=${level}`] : [],
      properties: { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': 50 },
    })
    for (const topic of TOPICS) await kafka.createTopic(topic, partitions)
    const topics = Object.fromEntries(TOPICS.map(topic => [topic, { partitions }]))
    await using embedded = await startCluster({ topics, ...options })
    const [real, ours] = [kafka.brokers[0]!, embedded.brokers[0]!]
    assert.deepEqual(await features(ours), await features(real))
    const expected = await talk(real, { since4, newest: level > 0 })
    assert.ok(Object.values(expected).flatMap(({ answers }) => answers).length > 300)
    assert.deepEqual(await talk(ours, { since4, newest: level > 0 }), expected)
  })
}

/** The level of transactions that a broker tells. */
async function features(address: string): Promise<unknown> {
  const client = new RawClient(tcp, address)
  const { finalizedFeatures } = await client.apiVersions(3)
  client.destroy()
  return finalizedFeatures.filter(({ name }) => name === 'transaction.version')
}
