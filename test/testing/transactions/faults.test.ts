import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { type Bench, startBench } from '../raw-client.js'
import { CLASSIC, NEW, type RawProducer, rawProducer } from './raw-producer.js'

const { COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, TOPIC_AUTHORIZATION_FAILED } = ErrorCode

type Ask = (producer: RawProducer) => Promise<string>

/** Each request of a transaction, in an order in which all succeed, and what shows that it was carried out. */
const requests: readonly (readonly [api: string, ask: Ask, done: (bench: Bench) => boolean])[] = [
  ['InitProducerId', one => one.init(), ({ cluster }) => cluster.transaction('tx') !== undefined],
  ['AddPartitionsToTxn', one => one.add('t/0', 't/1'), ({ cluster }) => cluster.transaction('tx')?.state === 'Ongoing'],
  ['AddOffsetsToTxn', one => one.addOffsets(), ({ cluster }) => cluster.transaction('tx')?.state === 'Ongoing'],
  [
    'TxnOffsetCommit',
    one => one.commitOffsets({ 't/0': 5, 't/1': 5 }),
    ({ cluster }) => cluster.trace.some(entry => entry.kind === 'answered' && entry.api === 'TxnOffsetCommit'),
  ],
  ['EndTxn', one => one.commit(), ({ cluster }) => cluster.transaction('tx')?.state === 'CompleteCommit'],
]

/** A bench in which everything before this request was done. */
async function upTo(bench: Bench, api: string): Promise<RawProducer> {
  const producer = await rawProducer(bench, CLASSIC)
  for (const [name, ask] of requests) {
    if (name === api) break
    assert.match(await ask(producer), /^NONE/)
  }
  return producer
}

for (const [api, ask, done] of requests) {
  describe(api, () => {
    test('error: answered with the code, and not carried out', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      const before = JSON.stringify([bench.cluster.transaction('tx')?.state, await producer.offset('t/0', true)])
      bench.cluster.inject({ api, times: 2, fault: { kind: 'error', code: COORDINATOR_NOT_AVAILABLE } })
      for (let i = 0; i < 2; i++) assert.equal(await ask(producer), 'COORDINATOR_NOT_AVAILABLE')
      assert.equal(JSON.stringify([bench.cluster.transaction('tx')?.state, await producer.offset('t/0', true)]), before)
      assert.match(await ask(producer), /^NONE/)
      assert.ok(done(bench))
      assert.equal(bench.cluster.trace.filter(({ kind }) => kind === 'fault').length, 2)
    })

    test('errorAfterAppend: answered with the code, and carried out', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      bench.cluster.inject({ api, fault: { kind: 'errorAfterAppend', code: COORDINATOR_NOT_AVAILABLE } })
      assert.equal(await ask(producer), 'COORDINATOR_NOT_AVAILABLE')
      assert.ok(done(bench))
    })

    test('appendThenDrop: carried out, and the answer is lost', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      bench.cluster.inject({ api, fault: { kind: 'appendThenDrop' } })
      await assert.rejects(ask(producer))
      assert.ok(done(bench) || api === 'TxnOffsetCommit')
      if (api === 'TxnOffsetCommit') {
        assert.equal(await (await rawProducer(bench)).offset('t/0', true), 'UNSTABLE_OFFSET_COMMIT')
      }
    })

    test('dropBeforeAppend: not carried out', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      const before = bench.cluster.transaction('tx')?.state
      bench.cluster.inject({ api, fault: { kind: 'dropBeforeAppend' } })
      await assert.rejects(ask(producer))
      assert.equal(bench.cluster.transaction('tx')?.state, before)
      assert.equal(
        await (await rawProducer(bench)).offset('t/0', true),
        api === 'EndTxn' ? 'UNSTABLE_OFFSET_COMMIT' : '-1',
      )
    })

    test('carryOutLate: carried out after its connection has ended', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      bench.cluster.inject({ api, fault: { kind: 'carryOutLate', ms: 100 } })
      const answer = ask(producer)
      answer.catch(() => undefined)
      await bench.time.advance(50)
      producer.destroy()
      await assert.rejects(answer)
      await bench.time.advance(50)
      if (api === 'TxnOffsetCommit') {
        assert.equal(await (await rawProducer(bench)).offset('t/0', true), 'UNSTABLE_OFFSET_COMMIT')
      } else {
        assert.ok(done(bench))
      }
    })

    test('neverAnswer: carried out, and no answer comes', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      bench.cluster.inject({ api, fault: { kind: 'neverAnswer' } })
      let answered = false
      const answer = ask(producer).finally(() => {
        answered = true
      })
      answer.catch(() => undefined)
      await bench.time.advance(100_000)
      assert.equal(answered, false)
      if (api === 'InitProducerId' || api === 'EndTxn') assert.ok(done(bench))
      producer.destroy()
    })

    test('delay and cutReply', async () => {
      await using bench = await startBench()
      const producer = await upTo(bench, api)
      bench.cluster.inject({ api, fault: { kind: 'delay', ms: 700 } })
      const began = bench.time.now()
      assert.match(await ask(producer), /^NONE/)
      assert.equal(bench.time.now() - began, 700)
      bench.cluster.inject({ api, fault: { kind: 'cutReply', atByte: 3 } })
      await assert.rejects(ask(producer))
    })
  })
}

describe('single partitions', () => {
  test('AddPartitionsToTxn: those that the rule names have the code, nothing is added', async () => {
    await using bench = await startBench()
    const producer = await upTo(bench, 'AddPartitionsToTxn')
    const fault = { kind: 'error', code: TOPIC_AUTHORIZATION_FAILED } as const
    bench.cluster.inject({ api: 'AddPartitionsToTxn', topic: 't', partition: 1, fault })
    assert.equal(await producer.add('t/0', 't/1'), 't/0 OPERATION_NOT_ATTEMPTED, t/1 TOPIC_AUTHORIZATION_FAILED')
    assert.equal(bench.cluster.transaction('tx')?.state, 'Empty')
    assert.equal(await producer.add('t/0', 't/1'), 'NONE')
  })

  test('TxnOffsetCommit: the others are committed', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    const fault = { kind: 'error', code: TOPIC_AUTHORIZATION_FAILED } as const
    bench.cluster.inject({ api: 'TxnOffsetCommit', partition: 1, fault })
    assert.equal(await producer.commitOffsets({ 't/0': 1, 't/1': 2 }), 't/0 NONE, t/1 TOPIC_AUTHORIZATION_FAILED')
    await producer.commit()
    assert.deepEqual([await producer.offset('t/0'), await producer.offset('t/1')], ['1', '-1'])
  })
})

test('a rule can name a transactional id', async () => {
  await using bench = await startBench()
  const [one, two] = [await rawProducer(bench, NEW, 'one'), await rawProducer(bench, NEW, 'two')]
  for (const producer of [one, two]) await producer.init()
  for (const api of ['Produce', 'InitProducerId', 'AddPartitionsToTxn', 'EndTxn', 'TxnOffsetCommit']) {
    const fault = { kind: 'error', code: NOT_COORDINATOR } as const
    const rule = bench.cluster.inject({ api, transactionalId: 'two', fault, times: Number.POSITIVE_INFINITY })
    const ask: Record<string, Ask> = {
      Produce: producer => producer.produce('t/0'),
      InitProducerId: producer => producer.init(),
      AddPartitionsToTxn: producer => producer.add('t/0'),
      EndTxn: producer => producer.abort(),
      TxnOffsetCommit: producer => producer.commitOffsets({ 't/0': 1 }),
    }
    assert.doesNotMatch(await ask[api]!(one), /NOT_COORDINATOR/)
    assert.equal(rule.fired, 0)
    assert.equal(await ask[api]!(two), 'NOT_COORDINATOR')
    rule.remove()
  }
})

describe('slowMarkers', () => {
  test('the markers of one transaction are late', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0')
    bench.cluster.inject({ api: 'EndTxn', fault: { kind: 'slowMarkers', ms: 200 } })
    assert.equal(await producer.commit(), 'NONE epoch 1')
    assert.equal(await producer.produce('t/0'), 'CONCURRENT_TRANSACTIONS')
    await bench.time.advance(200)
    assert.equal(await producer.produce('t/0'), 'NONE at 2')
    assert.equal(await producer.commit(), 'NONE epoch 2')
    assert.equal(await producer.produce('t/0'), 'NONE at 4', 'only of that one')
  })

  test('an EndTxn that is refused uses it up', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    bench.cluster.inject({ api: 'EndTxn', fault: { kind: 'slowMarkers', ms: 200 } })
    assert.equal(await producer.commit(), 'INVALID_TXN_STATE')
    await producer.produce('t/0')
    await producer.commit()
    assert.equal(await producer.produce('t/0'), 'NONE at 2')
  })

  test('can strike EndTxn only', async () => {
    await using bench = await startBench()
    const rule = { api: 'Produce', fault: { kind: 'slowMarkers', ms: 1 } } as const
    assert.throws(() => bench.cluster.inject(rule), /'slowMarkers' can't strike Produce, only EndTxn/)
  })
})
