/** Brokers other than Apache Kafka, whose answers are malformed where it does not matter. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { from } from 'rxjs'
import { framed, type Reply } from '../fuzz/reply.js'
import { startTappedWorld } from '../support/tapped-world.js'
import { valuesIn, type World, watch } from '../support/world.js'

/** As librdkafka 2.16's mock cluster answers ApiVersions 4: UNSUPPORTED_VERSION, then no array that could be read. */
const UNSUPPORTED = Buffer.from('00230100120000000200000000', 'hex')
/** The byte that it appends to answers to Metadata. */
const TRAILING = Buffer.alloc(1)

const body = ({ frame }: Reply, bytes: Buffer): Buffer => framed(Buffer.concat([frame.subarray(4, 8), bytes]))
const longer = ({ frame }: Reply): Buffer => framed(Buffer.concat([frame.subarray(4), TRAILING]))

function refusing(reply: Reply): Buffer {
  return reply.api.name === 'ApiVersions' && reply.version === 4 ? body(reply, UNSUPPORTED) : reply.frame
}

function trailing(reply: Reply): Buffer {
  return reply.api.name === 'Metadata' ? longer(reply) : reply.frame
}

function world(tamper: (reply: Reply) => Buffer): Promise<World> {
  return startTappedWorld(tamper, { cluster: { nodes: 3, topics: { t: { partitions: 4 } } } })
}

describe("librdkafka's mock cluster", () => {
  for (const [what, tamper] of [
    ['an answer to ApiVersions 4 that cannot be read beyond its code', refusing],
    ['a byte behind the answer to Metadata', trailing],
    ['both', (reply: Reply) => (reply.api.name === 'Metadata' ? trailing(reply) : refusing(reply))],
  ] as const) {
    test(`${what}: records go through, once and in order`, async () => {
      const one = await world(tamper)
      const values = [...Array(8_000).keys()].map(String)
      const acks = watch(
        from(values.map((value, i) => ({ topic: 't', partition: i % 4, value }))).pipe(one.producer.send()),
      )
      await one.time.until(() => acks.done)
      assert.deepEqual([...new Set(acks.values.map(({ kind }) => kind))], ['acked'])
      for (const index of [0, 1, 2, 3]) {
        assert.deepEqual(
          valuesIn(one.cluster, 't', index),
          values.filter((_, i) => i % 4 === index),
        )
      }
      await one.end()
    })
  }
})

test('a byte behind the answer to Produce is not passed over: it was read as something that it is not', async () => {
  let tampered = false
  const one = await world(reply => {
    if (tampered || reply.api.name !== 'Produce') return reply.frame
    tampered = true
    return longer(reply)
  })
  const acks = watch(from([{ topic: 't', partition: 0, value: 'v' }]).pipe(one.producer.send()))
  await one.time.until(() => acks.done)
  assert.deepEqual([acks.values[0]?.kind, valuesIn(one.cluster, 't', 0)], ['acked', ['v']])
  const told = one.events.flatMap(event => (event.kind === 'disconnected' ? [event.error.message] : []))
  assert.match(told.join('\n'), /answered Produce .*goes on after the last field/)
  await one.end()
})
