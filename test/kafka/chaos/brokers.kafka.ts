import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { produce } from '../../../src/protocol/messages/produce.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { TcpProxy } from '../proxy.js'
import { FULL, underLoad } from './load.js'

/* Rows of the fault matrix in which brokers move, hang and die. */

let kafka: KafkaCluster

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3, proxies: true })
})
after(() => kafka.stop())

const others = (...gone: number[]): number[] => kafka.nodeIds.filter(id => !gone.includes(id))

test('row 14: the leader moves while the old one still owes answers', async () => {
  const topic = 'row-14'
  const result = await underLoad(
    kafka,
    { topic, partitions: 1, producer: { batchSize: 2048, metadataMaxAgeMs: 200 } },
    async load => {
      for (let round = 0; round < (FULL ? 5 : 2); round++) {
        await load.progress(2000)
        const old = await kafka.leader(topic, 0)
        const [next] = others(old) as [number]
        void kafka.proxy(old).inject({ on: 'reply', api: produce.key, times: 4, fate: { kind: 'delay', ms: 1500 } })
        await kafka.moveLeader(topic, 0, next)
        await load.progress(2000)
      }
    },
  )
  assert.equal(result.count('epochBumped'), 0)
})

test('row 26: the leader is killed again and again', async () => {
  const topic = 'row-26'
  const result = await underLoad(kafka, { topic, rate: 4000 }, async load => {
    for (let kill = 0; kill < (FULL ? 5 : 2); kill++) {
      await load.progress(2000)
      const leader = await kafka.leader(topic, 0)
      await kafka.kill(leader, 'SIGKILL')
      await kafka.alive(...others(leader))
      await load.progress(2000)
      await kafka.heal()
    }
  })
  assert.ok(result.count('disconnected') >= 2)
})

if (FULL) {
  for (const requestTimeoutMs of [30_000, 5000]) {
    test(`row 27: the leader hangs for 20 s, requestTimeoutMs ${requestTimeoutMs}`, async () => {
      const topic = `row-27-${requestTimeoutMs}`
      await underLoad(kafka, { topic, rate: 4000, producer: { requestTimeoutMs } }, async load => {
        await load.progress(2000)
        const leader = await kafka.leader(topic, 0)
        await kafka.kill(leader, 'SIGSTOP')
        await sleep(20_000)
        await kafka.kill(leader, 'SIGCONT')
        await load.progress(2000)
      })
    })
  }
}

test('row 28: rolling restart: nothing fails', async () => {
  await underLoad(kafka, { topic: 'row-28', rate: 4000 }, async load => {
    for (const id of FULL ? kafka.nodeIds : [1]) {
      await load.progress(2000)
      await kafka.kill(id, 'SIGTERM')
      await load.progress(2000)
      await kafka.heal()
    }
    await load.progress(2000)
  })
})

if (FULL) {
  test('row 29: two of three brokers down, then back: all acked, in order', async () => {
    await underLoad(kafka, { topic: 'row-29', rate: 4000 }, async load => {
      await load.progress(2000)
      await Promise.all([kafka.kill(1, 'SIGKILL'), kafka.kill(3, 'SIGKILL')])
      await sleep(10_000)
      await kafka.heal()
      await load.progress(2000)
    })
  })

  for (const [what, findBy] of [
    ['others are where the bootstrap list leads', 'list'],
    ['a function returns the addresses of others', 'function'],
  ] as const) {
    test(`row 30: every broker is gone, and ${what}`, async () => {
      await using bootstrap = await TcpProxy.start(kafka.portOf(1))
      const before = new Set(kafka.brokers)
      const brokers = findBy === 'list' ? [`127.0.0.1:${bootstrap.port}`] : () => kafka.brokers
      const result = await underLoad(
        kafka,
        { topic: `row-30-${findBy}`, rate: 4000, producer: { brokers } },
        async load => {
          await load.progress(2000)
          await Promise.all(kafka.nodeIds.map(id => kafka.kill(id, 'SIGKILL')))
          for (const id of kafka.nodeIds) await kafka.replaceProxy(id)
          await kafka.heal()
          await load.progress(2000)
        },
      )
      const connected = result.events.flatMap(event => (event.kind === 'connected' ? [event.address] : []))
      assert.ok(connected.some(address => before.has(address)))
      assert.ok(connected.some(address => kafka.brokers.includes(address)))
      assert.ok(kafka.brokers.every(address => !before.has(address)))
    })
  }
}
