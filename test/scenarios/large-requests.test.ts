/** A broker closes the connection at a request that exceeds its `socket.request.max.bytes`, and does not say why. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { from } from 'rxjs'
import type { ProducerRecord } from '../../src/index.js'
import { startWorld, valuesIn, type World, watch } from '../support/world.js'

const LIMIT = /socket\.request\.max\.bytes/
const count = (to: number): number[] => [...Array(to).keys()]
const numbered = (n: number): string => `${n}`.padEnd(1000, '.')

/** Records for all partitions in turn, 1 kB each. */
function records(partitions: number, each: number): ProducerRecord[] {
  return count(partitions * each).map(n => ({ topic: 't', partition: n % partitions, value: numbered(n) }))
}

/** What the brokers have of topic `t`, partition by partition. */
const stored = ({ cluster }: World, partitions: number): string[][] =>
  count(partitions).map(index => valuesIn(cluster, 't', index))

const expected = (all: readonly ProducerRecord[], partitions: number): unknown[][] =>
  count(partitions).map(index => all.filter(({ partition }) => partition === index).map(({ value }) => value))

/** The errors of batches that will be sent again. */
const retries = ({ events }: World): string[] =>
  events.flatMap(event => (event.kind === 'retrying' ? [event.error.message] : []))

describe('a request that is larger than the broker takes', () => {
  for (const [partitions, each, maxRequestBytes] of [
    [4, 200, 600_000],
    [8, 100, 150_000],
    [20, 40, 50_000],
  ] as const) {
    test(`${partitions} batches of ${each} kB, ${maxRequestBytes} bytes: smaller ones are tried, and everything is stored once, in order`, async () => {
      const world = await startWorld({ cluster: { topics: { t: { partitions } }, maxRequestBytes } })
      const all = records(partitions, each)
      const acks = watch(from(all).pipe(world.producer.send()))
      await world.time.advance(20_000)
      assert.deepEqual([acks.done, acks.values.filter(({ kind }) => kind === 'acked').length], [true, all.length])
      assert.deepEqual(stored(world, partitions), expected(all, partitions))
      await world.end()
    })
  }

  test('the second time in a row the error says so, and what to do; not the first time', async () => {
    const world = await startWorld({ cluster: { topics: { t: { partitions: 4 } }, maxRequestBytes: 600_000 } })
    const acks = watch(from(records(4, 200)).pipe(world.producer.send()))
    await world.time.until(() => retries(world).some(text => LIMIT.test(text)))
    assert.equal(world.events.filter(({ kind }) => kind === 'disconnected').length, 2)
    await world.time.until(() => acks.done)
    assert.match(retries(world).find(text => LIMIT.test(text)) ?? 'none says so', /option `maxRequestSize` \(1000000\)/)
    await world.end()
  })

  test('a single batch fails in the end, for it may be stored and must not be divided; later ones are smaller', async () => {
    const world = await startWorld({
      cluster: { topics: { t: { partitions: 1 } }, maxRequestBytes: 150_000 },
      producer: { deliveryTimeoutMs: 10_000 },
    })
    const first = watch(from(records(1, 200)).pipe(world.producer.send()))
    await world.time.until(() => first.done)
    const [failed] = first.values
    assert.equal(failed?.kind === 'failed' && LIMIT.test(failed.error.message), true)
    const later = records(1, 200)
    const acks = watch(from(later).pipe(world.producer.send()))
    await world.time.until(() => acks.done)
    assert.deepEqual(
      acks.values.map(({ kind }) => kind),
      later.map(() => 'acked'),
    )
    assert.deepEqual(stored(world, 1), expected(later, 1))
    await world.end()
  })
})

describe('is not blamed for connections that end for another reason', () => {
  const world = () => startWorld({ cluster: { topics: { t: { partitions: 4 } } }, latencyMs: 1 })

  /** Sends the records until all are acked. Returns whether an error on the way blamed the size of requests. */
  async function blamed(one: World, all: readonly ProducerRecord[]): Promise<boolean> {
    const acks = watch(from(all).pipe(one.producer.send()))
    await one.time.until(() => acks.done)
    assert.deepEqual([...new Set(acks.values.map(({ kind }) => kind))], ['acked'])
    assert.equal(retries(one).length > 0, true)
    return retries(one).some(text => LIMIT.test(text))
  }

  test('small requests', async () => {
    const one = await world()
    one.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, times: 5 })
    assert.equal(await blamed(one, records(4, 1)), false)
    await one.end()
  })

  test('requests as large as those that were answered', async () => {
    const one = await world()
    const before = watch(from(records(4, 200)).pipe(one.producer.send()))
    await one.time.until(() => before.done)
    one.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, times: 5 })
    assert.equal(await blamed(one, records(4, 200)), false)
    await one.end()
  })

  test('once, an answered one, and once more', async () => {
    const one = await world()
    one.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, times: 1 })
    assert.equal(await blamed(one, records(4, 100)), false)
    one.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, times: 1 })
    assert.equal(await blamed(one, records(4, 250)), false)
    await one.end()
  })

  test('requests that are not answered in time', async () => {
    const one = await world()
    one.cluster.inject({ fault: { kind: 'neverAnswer' }, times: 3 })
    assert.equal(await blamed(one, records(4, 200)), false)
    await one.end()
  })
})
