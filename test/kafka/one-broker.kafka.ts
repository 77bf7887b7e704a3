import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastValueFrom, toArray } from 'rxjs'
import { createProducer, type ProducerRecord } from '../../src/index.js'
import { findings } from '../support/validator.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithKcat } from './readers.js'

for (const version of VERSIONS) {
  test(`one broker, Apache Kafka ${version}: 30,000 records, plain and snappy`, async () => {
    await using kafka = await KafkaCluster.start({ version })
    for (const compression of ['none', 'snappy'] as const) {
      const topic = `t-${compression}`
      await using producer = createProducer({ brokers: kafka.brokers, compression })
      function* records(): Generator<ProducerRecord<number>> {
        for (let i = 0; i < 30_000; i++) {
          yield {
            topic,
            key: `k${i % 100}`,
            value: `value ${i}`,
            metadata: i,
            headers: i % 3 ? undefined : { n: `${i}` },
          }
        }
      }
      const acks = await lastValueFrom(producer.publish(records()).pipe(toArray()))
      assert.deepEqual(findings(30_000, acks, await readWithKcat(kafka.brokers, topic)), [])
      for (const partition of [0, 1, 2]) {
        let next = 0
        for (const batch of await kafka.dumpLog(topic, partition)) {
          assert.deepEqual([batch.baseSequence, batch.isvalid], [next, true])
          next += batch.count
        }
      }
    }
  })
}
