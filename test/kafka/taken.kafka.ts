import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { lastValueFrom, Subject, toArray } from 'rxjs'
import { type Ack, createProducer, type ProducerRecord } from '../../src/index.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithKcat } from './readers.js'

/** A record is read once, when it is taken: what becomes of the user's objects later changes nothing that is stored. */

const COUNT = 2_000
const LARGE = 2 << 20

interface Stored {
  readonly key: string | null
  readonly value: string | null
  readonly headers: string
}

/** Gives records to `next`, changes them, and says what each was when it was given. */
type Way = (topic: string, next: (record: ProducerRecord) => void) => Stored[]

const ways: Readonly<Record<string, Way>> = {
  'one Buffer for the values of 2,000 records, another for keys and headers'(topic, next) {
    const [value, other] = [Buffer.alloc(30), Buffer.alloc(10)]
    return Array.from({ length: COUNT }, (_, i) => {
      const [text, short] = [`value ${i}`.padEnd(30, '.'), `${i}`.padStart(10, '0')]
      value.write(text)
      other.write(short)
      next({ topic, key: other, value, headers: { h: other } })
      return { key: short, value: text, headers: `h=${short}` }
    })
  },

  'one object for 2,000 records, of headers that change after next()'(topic, next) {
    const pairs: [string, string][] = []
    const record = { topic, key: '', value: '', headers: pairs }
    return Array.from({ length: COUNT }, (_, i) => {
      const stored = { key: `key ${i}`, value: `value ${i}`.padEnd(i % 50, '.'), headers: `n=${i},m=${i + 1}` }
      pairs.splice(0, pairs.length, ['n', `${i}`], ['m', `${i + 1}`])
      next(Object.assign(record, stored, { headers: pairs }))
      pairs[0]![1] = 'changed later'
      pairs.push(['added', 'later'])
      return stored
    })
  },

  'getters that give something else at each read'(topic, next) {
    return Array.from({ length: 100 }, (_, i) => {
      let reads = 0
      next({
        topic,
        get value() {
          return `value ${i}, read ${++reads}${', longer'.repeat(reads)}`
        },
      })
      return { key: null, value: `value ${i}, read 1, longer`, headers: '' }
    })
  },

  'records that get a key of 2 MB'(topic, next) {
    return Array.from({ length: 10 }, (_, i) => {
      const record = { topic, key: `key ${i}`, value: `value ${i}` }
      next(record)
      record.key = 'k'.repeat(LARGE)
      return { key: `key ${i}`, value: `value ${i}`, headers: '' }
    })
  },

  'records that are emptied'(topic, next) {
    return Array.from({ length: 100 }, (_, i) => {
      const record: Partial<ProducerRecord> = { topic, key: `key ${i}`, value: `value ${i}`, headers: { n: `${i}` } }
      next(record as ProducerRecord)
      for (const field of Object.keys(record)) delete record[field as keyof typeof record]
      return { key: `key ${i}`, value: `value ${i}`, headers: `n=${i}` }
    })
  },
}

for (const version of VERSIONS) {
  describe(`Apache Kafka ${version}`, { timeout: 120_000 }, () => {
    let kafka: KafkaCluster

    before(async () => {
      kafka = await KafkaCluster.start({ version })
    })
    after(() => kafka.stop())

    for (const [i, [what, way]] of Object.entries(ways).entries()) {
      // Of one partition: acks come in the order of the records, though some do not know their own record any more.
      test(`${what}: what was taken is stored, before metadata is there and after`, { timeout: 30_000 }, async () => {
        const topic = `taken-${i}`
        await kafka.createTopic(topic, 1)
        await using producer = createProducer({ brokers: kafka.brokers })
        const expected: Stored[] = []
        for (const when of ['before', 'after']) {
          const source = new Subject<ProducerRecord>()
          const acks = lastValueFrom(source.pipe(producer.send(), toArray()))
          const given: ProducerRecord[] = []
          const stored = way(topic, record => {
            given.push(record)
            source.next(record)
          })
          source.complete()
          assert.deepEqual(
            (await acks).map((ack, j) => [ack.record === given[j], placeOf(ack)]),
            stored.map((_, j) => [true, `${topic}-0@${expected.length + j}`]),
            `acks ${when} metadata`,
          )
          expected.push(...stored)
        }
        const read = await readWithKcat(kafka.brokers, topic)
        assert.deepEqual(
          read.map(({ offset, key, value, headers }) => [offset, text(key), text(value), headers]),
          expected.map(({ key, value, headers }, offset) => [offset, key, value, headers]),
        )
      })
    }
  })
}

function placeOf(ack: Ack): string {
  return ack.kind === 'acked' ? `${ack.topic}-${ack.partition}@${ack.offset}` : ack.error.message
}

function text(bytes: Buffer | null): string | null {
  return bytes?.toString() ?? null
}
