import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lastValueFrom, tap, toArray } from 'rxjs'
import { createProducer, type ProducerRecord, type Transport } from '../../src/index.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { TcpTransport } from '../../src/transport/tcp.js'
import { findings } from '../support/validator.js'
import { MATRIX, needsZooKeeper } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { OldKafka } from './old-kafka.js'
import { readWithKcat } from './readers.js'

const COUNT = 30_000
const APIS = [metadata, initProducerId, produce]

/** All of them with `npm run test:kafka -- --matrix`, which writes the table; else the oldest and the newest. */
const whole = process.env.RX_KAFKA_MATRIX === 'whole'
const versions = whole ? MATRIX : [MATRIX[0]!, MATRIX.at(-1)!]
const rows: string[] = []

interface Started extends AsyncDisposable {
  readonly brokers: readonly string[]
  createTopic(topic: string, partitions: number): Promise<void>
  /** Kills the broker and starts it again. */
  crash(): Promise<void>
}

async function start(version: string): Promise<Started> {
  if (needsZooKeeper(version)) {
    const kafka = await OldKafka.start(version)
    return {
      brokers: kafka.brokers,
      createTopic: (topic, partitions) => kafka.createTopic(topic, {}, partitions),
      crash: () => kafka.crash(),
      [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
    }
  }
  const kafka = await KafkaCluster.start({ version })
  return {
    brokers: kafka.brokers,
    createTopic: (topic, partitions) => kafka.createTopic(topic, partitions),
    async crash() {
      await kafka.kill(1, 'SIGKILL')
      await kafka.heal()
    },
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  }
}

/** TCP that notes the version of each API in the requests: a request is one write, which begins with size, API key and version. */
function noting(spoken: Map<number, number>): Transport {
  const tcp = new TcpTransport(10_000)
  return {
    connect(address, listener) {
      const socket = tcp.connect(address, listener)
      return {
        ...socket,
        write(chunks) {
          const head = Buffer.concat(chunks).subarray(0, 8)
          spoken.set(head.readInt16BE(4), head.readInt16BE(6))
          socket.write(chunks)
        },
      }
    },
  }
}

for (const version of versions) {
  test(`Apache Kafka ${version}: ${COUNT} records, the broker killed in the middle, each stored once and in order`, async () => {
    await using kafka = await start(version)
    await kafka.createTopic('t', 3)
    const spoken = new Map<number, number>()
    const transport = noting(spoken)
    await using producer = createProducer({ brokers: kafka.brokers, transport, batchSize: 16_384 })
    // That it cannot be reached for a while needs no warning.
    producer.events$.subscribe()
    function* records(): Generator<ProducerRecord<number>> {
      for (let i = 0; i < COUNT; i++) yield { topic: 't', key: `k${i % 100}`, value: `value ${i}`, metadata: i }
    }
    let acked = 0
    let depth = 0
    let crashed: Promise<void> | undefined
    const acks = await lastValueFrom(
      producer.publish(records()).pipe(
        tap(() => {
          depth = Math.max(depth, ...producer.inFlight.values())
          if (++acked === COUNT / 3) crashed = kafka.crash()
        }),
        toArray(),
      ),
    )
    await crashed
    const read = await readWithKcat(kafka.brokers, 't')
    assert.deepEqual(findings(COUNT, acks, read), [])
    assert.equal(acks.filter(({ kind }) => kind === 'acked').length, COUNT)
    assert.ok(depth > 1 && depth <= 4, `${depth} requests in flight`)
    const apis = APIS.map(({ key, name }) => {
      assert.ok(spoken.has(key), `${name} was spoken`)
      return spoken.get(key)
    })
    rows.push(
      `| ${[version, needsZooKeeper(version) ? 'ZooKeeper' : 'KRaft', ...apis, depth, read.length].join(' | ')} |`,
    )
  })
}

after(() => {
  if (!whole || rows.length < MATRIX.length) return
  const page = fileURLToPath(new URL('../../docs/kafka-versions.md', import.meta.url))
  const names = APIS.map(({ name }) => name)
  const head = ['Apache Kafka', 'mode', ...names, 'in flight', 'records read back']
  const text = `# Versions of Apache Kafka

\`npm run test:kafka -- --matrix\` writes this page. One broker of each version gets ${COUNT.toLocaleString('en')} records in three partitions, and is
killed (SIGKILL) and started again after a third of them. kcat reads them back: each is there once, at the offset of its ack, in the order
in which it was sent. The columns of the APIs have the versions that the producer and the broker agree on.

| ${head.join(' | ')} |
|${'---|'.repeat(head.length)}
${rows.join('\n')}
`
  writeFileSync(page, text)
})
