import assert from 'node:assert/strict'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import type { Random } from '../support/random.js'
import { startTappedWorld } from '../support/tapped-world.js'
import { findings, type ReadRecord } from '../support/validator.js'
import { open } from '../support/world.js'
import { mutate, mutateDetectably } from './mutate.js'
import type { Reply } from './reply.js'
import { Tally } from './tally.js'

const RECORDS = 40
const PARTITIONS = 2

/**
 * Whole producers, in virtual time, whose brokers' replies are tampered with on their way. Goes on until so many were.
 *
 * Where the protocol can tell, nothing may be lost, doubled, reordered or acked falsely: the connection is dropped, and what it
 * carried is sent again. Where it can't, as with one bit of an offset, each record has one end all the same, and nothing hangs.
 */
export async function fuzzProducers(bases: readonly Reply[], random: Random, frames: number): Promise<Tally> {
  const tally = new Tally()
  for (let detectable = true; tally.total < frames; detectable = !detectable) {
    await produceAll(bases, random, detectable, tally)
  }
  return tally
}

async function produceAll(bases: readonly Reply[], random: Random, detectable: boolean, tally: Tally): Promise<void> {
  let left = random.int(1, 12)
  const tamper = (reply: Reply): Buffer => {
    if (left === 0 || !random.chance(0.3)) return reply.frame
    left--
    const { kind, bytes } = detectable ? mutateDetectably(reply, random) : mutate(reply, random, random.pick(bases))
    tally.add(`${reply.api.name}: ${kind}`, detectable ? 'told apart' : 'perhaps told apart')
    return bytes
  }
  const world = await startTappedWorld(tamper, {
    cluster: { nodes: 2, topics: { t: { partitions: PARTITIONS } }, replyDelayMs: 5 },
    producer: { batchSize: BATCH_HEADER_SIZE + 60, deliveryTimeoutMs: 60_000, requestTimeoutMs: 2000 },
  })
  const { push, acks } = open<number>(world.producer)
  let taken = 0
  // A flipped bit can be a fatal error code: each record that was taken has an end, and then comes the error.
  for (; taken < RECORDS && acks.error === undefined; taken++) {
    push.next({ topic: 't', partition: taken % PARTITIONS, value: `v${taken}`, metadata: taken })
    if (random.chance(0.3)) await world.time.advance(random.int(0, 20))
  }
  push.complete()
  await world.time.until(() => acks.done || acks.error !== undefined)
  assert.equal(acks.values.length, taken, 'ends of records')
  assert.equal(new Set(acks.values.map(({ record }) => record.metadata)).size, taken, 'records with an end')
  if (detectable) {
    assert.equal(acks.error, undefined)
    assert.ok(
      acks.values.every(({ kind }) => kind === 'acked'),
      'each record is acked',
    )
    const read = Array.from({ length: PARTITIONS }, (_, partition) =>
      world.cluster
        .records('t', partition)
        .map(({ offset, key, value }): ReadRecord => ({ partition, offset: Number(offset), key, value })),
    )
    assert.deepEqual(findings(RECORDS, acks.values, read.flat()), [])
  }
  await world.end()
}
