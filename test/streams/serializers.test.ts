import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Ack, InvalidRecordError, type RecordOptions } from '../../src/index.js'
import { startWorld, valuesIn, type World } from '../support/world.js'
import { FORMS, WITH_ACKS } from './forms.js'

const CLUSTER = { topics: { t: { partitions: 2 }, u: { partitions: 1 } }, replyDelayMs: 5 }

/** Whole numbers from 0. */
const count = (to: number): number[] => [...Array(to).keys()]
const data = <T>(acks: readonly Ack<T>[]): unknown[] => acks.map(ack => ack.record.metadata)

/** Later, and in another order than it was asked for. */
function slowly<T>(world: World, n: number, value: T): Promise<T> {
  return new Promise(resolve => {
    world.time.schedule(() => resolve(value), (n * 37) % 50)
  })
}

describe('a record is made of what the source gives', () => {
  for (const [name, send] of Object.entries(FORMS)) {
    for (const how of ['at once', 'later'] as const) {
      test(`${name}, ${how}: all of it, in order, with the data in the ack`, async () => {
        const world = await startWorld({ cluster: CLUSTER })
        const options: RecordOptions<number> = {
          topic: n => (n % 3 === 2 ? 'u' : 't'),
          key: (n, { topic, isKey }) =>
            how === 'later' ? slowly(world, n, `k ${topic} ${isKey}`) : `k ${topic} ${isKey}`,
          value: (n, { topic, isKey }) => {
            const value = `${n} ${topic} ${isKey}`
            return how === 'later' ? slowly(world, n, Buffer.from(value)) : value
          },
          headers: n => ({ n: `${n}` }),
          partition: n => (n % 3 === 2 ? 0 : n % 3),
          timestamp: n => 1_000 + n,
        }
        const sent = send(world.producer, count(60), options)
        await world.time.until(() => sent.done)
        assert.equal(sent.error, undefined)
        assert.ok(sent.acks.every(({ kind }) => kind === 'acked'))
        if (WITH_ACKS.includes(name)) {
          assert.deepEqual([...data(sent.acks)].sort(), count(60).sort())
          for (const rest of [0, 1, 2]) {
            const acks = sent.acks.filter(({ record }) => Number(record.metadata) % 3 === rest)
            assert.deepEqual(
              data(acks),
              count(20).map(n => 3 * n + rest),
            )
          }
        } else assert.deepEqual(sent.acks, [])
        for (const [topic, partition, rest] of [
          ['t', 0, 0],
          ['t', 1, 1],
          ['u', 0, 2],
        ] as const) {
          const stored = world.cluster.records(topic, partition).map(({ key, value, timestamp, headers }) => {
            return `${key} ${value} ${timestamp} ${headers.map(String)}`
          })
          const wanted = count(20).map(i => 3 * i + rest)
          assert.deepEqual(
            stored,
            wanted.map(n => `k ${topic} true ${n} ${topic} false ${1_000 + n} n,${n}`),
          )
        }
        await world.end()
      })
    }

    test(`${name}: what can't be made fails by itself, in its place, with the data in the ack`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const bad: Record<number, string> = {
        3: 'topic throws',
        5: 'key throws',
        7: 'key rejects',
        9: 'value throws',
        11: 'value rejects',
        13: 'headers throws',
        15: 'partition throws',
        17: 'timestamp throws',
        19: 'key rejects, value throws',
        21: 'value is none',
        23: 'value is none later',
      }
      const orFail = <T>(n: number, what: string, value: T): T => {
        if (bad[n]?.includes(`${what} throws`)) throw new Error(`no ${what} for ${n}`)
        return value
      }
      const options: RecordOptions<number> = {
        topic: n => orFail(n, 'topic', 't'),
        key: n => {
          if (bad[n]?.startsWith('key rejects')) return Promise.reject(new Error(`no key for ${n}`))
          return orFail(n, 'key', undefined)
        },
        value: n => {
          if (bad[n] === 'value rejects') return Promise.reject(new Error(`no value for ${n}`))
          if (bad[n] === 'value is none') return n as unknown as string
          if (bad[n] === 'value is none later') return Promise.resolve(n as unknown as string)
          return orFail(n, 'value', n % 2 === 0 ? slowly(world, n, `${n}`) : `${n}`)
        },
        headers: n => orFail(n, 'headers', undefined),
        partition: n => orFail(n, 'partition', 0),
        timestamp: n => orFail(n, 'timestamp', undefined),
      }
      const sent = send(world.producer, count(30), options)
      await world.time.until(() => sent.done)
      assert.equal(sent.error, undefined)
      const failed = sent.acks.filter(ack => ack.kind === 'failed')
      assert.deepEqual(data(failed).sort(), Object.keys(bad).map(Number).sort())
      for (const { error, record, persisted, attempts } of failed) {
        assert.ok(error instanceof InvalidRecordError)
        assert.deepEqual([persisted, attempts], ['no', 0])
        const n = record.metadata!
        assert.match(error.message, /none/.test(bad[n]!) ? /`value` must be a string/ : new RegExp(`no \\w+ for ${n}$`))
      }
      assert.deepEqual(
        valuesIn(world.cluster, 't', 0),
        count(30)
          .filter(n => bad[n] === undefined)
          .map(String),
      )
      await world.end()
    })
  }
})
