/** Brokers that answer Metadata, but never with anything of use, are left for the bootstrap list (KIP-1102). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProducerOptions } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import { startLyingWorld } from '../support/liar.js'
import type { World } from '../support/world.js'

const TRIGGER_MS = 300_000

interface Useless {
  readonly world: World
  /** When `brokers` was called. */
  readonly calls: readonly number[]
}

/** The brokers are of no use while `useless` says so. `brokers` returns the first node, then the second. */
async function startUseless(
  lie: (answer: MetadataResponse) => MetadataResponse,
  useless: (count: number, calls: number) => boolean,
  options: Partial<ProducerOptions> = {},
): Promise<Useless> {
  const calls: number[] = []
  const world: World = await startLyingWorld(
    { Metadata: (answer, count) => (useless(count, calls.length) ? lie(answer) : answer) },
    {
      cluster: { nodes: 2, topics: { t: { partitions: 1 }, u: { partitions: 1 } } },
      producer: {
        deliveryTimeoutMs: 10 * TRIGGER_MS,
        brokers: () => {
          calls.push(world.time.now())
          return [world.cluster.brokers[Math.min(calls.length, 2) - 1]!]
        },
        ...options,
      },
    },
  )
  return { world, calls }
}

/** The nodes that were asked for metadata. */
function asked({ cluster }: World): number[] {
  return cluster.trace.flatMap(entry => (entry.kind === 'request' && entry.api === 'Metadata' ? [entry.node] : []))
}

const USELESS: Readonly<Record<string, (answer: MetadataResponse) => MetadataResponse>> = {
  'an error': answer => ({ ...answer, errorCode: ErrorCode.UNKNOWN_SERVER_ERROR, brokers: [], topics: [] }),
  'no brokers': answer => ({ ...answer, brokers: [] }),
  'brokers at impossible addresses': answer => ({
    ...answer,
    brokers: answer.brokers.map(broker => ({ ...broker, port: 0 })),
  }),
}

describe('metadata that is of no use', () => {
  for (const [what, lie] of Object.entries(USELESS)) {
    test(`${what}, for ever: \`brokers\` is called again after five minutes, and what it returns is asked`, async () => {
      const { world, calls } = await startUseless(lie, (_, calls) => calls < 2)
      const sent = world.producer.sendOne({ topic: 't', value: 'v' })
      await world.time.advance(TRIGGER_MS - 1_000)
      assert.deepEqual(calls, [0])
      assert.deepEqual([...new Set(asked(world))], [1])
      assert.equal((await world.time.until(sent, 10_000)).kind, 'acked')
      assert.equal(calls.length, 2)
      assert.ok(calls[1]! >= TRIGGER_MS && calls[1]! <= TRIGGER_MS + 2_000, String(calls[1]))
      assert.ok(asked(world).includes(2))
      await world.end()
    })
  }

  test('is left as soon as `metadataRecoveryRebootstrapTriggerMs` says, and again after as long', async () => {
    const { world, calls } = await startUseless(USELESS['no brokers']!, () => true, {
      metadataRecoveryRebootstrapTriggerMs: 10_000,
    })
    world.producer.sendOne({ topic: 't', value: 'v' }).catch(() => {})
    await world.time.advance(35_000)
    assert.equal(calls.length, 4, calls.join())
    for (const [i, at] of calls.entries()) assert.ok(at >= 10_000 * i && at <= 11_500 * i, calls.join())
    await world.time.until(world.producer.close({ timeoutMs: 0 }).catch(() => {}))
    await world.end()
  })

  test('now and then is no reason', async () => {
    const { world, calls } = await startUseless(USELESS['no brokers']!, count => count % 3 !== 0, {
      metadataRecoveryRebootstrapTriggerMs: 1_000,
      metadataMaxAgeMs: 500,
    })
    for (let i = 0; i < 10; i++) {
      assert.equal((await world.time.until(world.producer.sendOne({ topic: 't', value: 'v' }))).kind, 'acked')
      await world.time.advance(1_000)
    }
    assert.equal(calls.length, 1)
    await world.end()
  })

  test('of one topic alone is no reason: the others may be well', async () => {
    const { world, calls } = await startUseless(
      answer => ({
        ...answer,
        topics: answer.topics.map(topic => ({ ...topic, errorCode: ErrorCode.LEADER_NOT_AVAILABLE, partitions: [] })),
      }),
      () => true,
    )
    world.producer.sendOne({ topic: 't', value: 'v' }).catch(() => {})
    await world.time.advance(3 * TRIGGER_MS)
    assert.equal(calls.length, 1)
    await world.time.until(world.producer.close({ timeoutMs: 0 }).catch(() => {}))
    await world.end()
  })

  test('has a name of the bootstrap list connected to anew: it may lead elsewhere by now', async () => {
    const connections: number[] = []
    const world: World = await startLyingWorld(
      { Metadata: answer => (connections.length < 2 ? USELESS['no brokers']!(answer) : answer) },
      { cluster: { topics: { t: { partitions: 1 } } }, producer: { deliveryTimeoutMs: 10 * TRIGGER_MS } },
    )
    world.cluster.trace$.subscribe(entry => {
      if (entry.kind === 'connected') connections.push(world.time.now())
    })
    assert.equal((await world.time.until(world.producer.sendOne({ topic: 't', value: 'v' }))).kind, 'acked')
    assert.ok(connections[1]! >= TRIGGER_MS, connections.join())
    await world.end()
  })
})
