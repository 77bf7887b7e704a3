import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { CRC_OFFSET } from '../../src/protocol/records/record-batch.js'
import type { TraceEntry } from '../../src/testing/index.js'
import { batch, startBench } from './raw-client.js'

test('everything that happens, in order, with its time, node and connection', async () => {
  await using bench = await startBench({ replyDelayMs: 5 })
  const bytes = batch({ producerId: 9n, epoch: 1, count: 2 })
  const sent = {
    topic: 't',
    partition: 1,
    producerId: 9n,
    producerEpoch: 1,
    baseSequence: 0,
    count: 2,
    crc: bytes.readUInt32BE(CRC_OFFSET),
  }
  const late = batch({ producerId: 9n, epoch: 1, sequence: 7 })
  const lateSent = { ...sent, baseSequence: 7, count: 1, crc: late.readUInt32BE(CRC_OFFSET) }
  const client = await bench.connect()
  await bench.wait(client.produce({ 't/1': bytes }))
  await bench.wait(client.produce({ 't/1': bytes }, { version: 8 }))
  await bench.wait(client.produce({ 't/1': late }))
  client.destroy()
  await bench.time.advance(0)

  const where = { node: 1, connection: 1 }
  const request = { kind: 'request', ...where, api: 'Produce', version: 9, clientId: 'raw' }
  const { OUT_OF_ORDER_SEQUENCE_NUMBER: errorCode } = ErrorCode
  assert.deepEqual(bench.cluster.trace, [
    { at: 0, kind: 'connected', ...where, peer: 'memory:1' },
    { at: 0, ...request, correlationId: 1, batches: [sent] },
    { at: 0, kind: 'appended', ...where, ...sent, baseOffset: 0n },
    { at: 5, kind: 'answered', ...where, api: 'Produce', correlationId: 1 },
    { at: 5, ...request, version: 8, correlationId: 2, batches: [sent] },
    { at: 5, kind: 'duplicate', rule: 'R1', ...where, ...sent, baseOffset: 0n },
    { at: 10, kind: 'answered', ...where, api: 'Produce', correlationId: 2 },
    { at: 10, ...request, correlationId: 3, batches: [lateSent] },
    { at: 10, kind: 'rejected', rule: 'R4', errorCode, ...where, ...lateSent },
    { at: 15, kind: 'answered', ...where, api: 'Produce', correlationId: 3 },
    { at: 15, kind: 'disconnected', ...where },
  ])
})

test('connections are numbered over the cluster', async () => {
  await using bench = await startBench({ nodes: 2 })
  for (const node of [2, 1, 2]) await bench.connect(node)
  const connected = bench.cluster.trace.flatMap(entry =>
    entry.kind === 'connected' ? [[entry.node, entry.connection]] : [],
  )
  assert.deepEqual(connected, [
    [2, 1],
    [1, 2],
    [2, 3],
  ])
})

test('trace$ has what happens from now on, also when nothing is kept, and completes with the cluster', async () => {
  const seen: TraceEntry[] = []
  let complete = false
  {
    await using bench = await startBench({ trace: false })
    await bench.produce('t/0', batch())
    bench.cluster.trace$.subscribe({ next: entry => seen.push(entry), complete: () => (complete = true) })
    await bench.produce('t/0', batch())
    assert.equal(bench.cluster.trace.length, 0)
  }
  assert.deepEqual(
    seen.map(({ kind }) => kind).filter(kind => kind !== 'disconnected'),
    ['connected', 'request', 'appended', 'answered'],
  )
  assert.ok(complete)
})

test('a batch that is none is told of as one, with nothing known', async () => {
  await using bench = await startBench()
  await bench.produce('t/0', Buffer.from('no batch'))
  const entry = bench.cluster.trace.find(({ kind }) => kind === 'rejected')
  assert.deepEqual(entry?.kind === 'rejected' && [entry.rule, entry.producerId, entry.count, entry.crc], [
    'batch',
    -1n,
    -1,
    0,
  ])
})
