/**
 * Transactions as others see them, on a real Kafka: with transaction.version 2, where each has an epoch of its own, and in the older way, with
 * AddPartitionsToTxn.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lastValueFrom } from 'rxjs'
import {
  createProducer,
  type Producer,
  ProducerFencedError,
  type ProducerRecord,
  type Transaction,
  TransactionAbortedError,
} from '../../src/index.js'
import { type ConsumedRecord, type Join, joinWithKafkajs, joinWithPlatformatic } from './group-readers.js'
import { MATRIX, VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithJava, readWithKcat } from './readers.js'

const WAYS = [
  { version: MATRIX.at(-1)!, transactionVersion: 2 },
  { version: VERSIONS[1], transactionVersion: 1 },
]

const COMMITTED = ['-X', 'isolation.level=read_committed']

const transactional = (kafka: KafkaCluster, transactionalId: string): Producer =>
  createProducer({ brokers: kafka.brokers, transactionalId })

async function send(transaction: Transaction, values: readonly string[]): Promise<void> {
  const records = values.map((value): ProducerRecord => ({ topic: 't', value, partition: 0 }))
  await lastValueFrom(transaction.publish(records))
}

const values = (name: string): string[] => Array.from({ length: 5 }, (_, i) => `${name}.${i}`)

async function readCommitted(kafka: KafkaCluster, topic: string): Promise<string[]> {
  const records = await readWithKcat(kafka.brokers, topic, ...COMMITTED)
  return records.map(({ value }) => String(value))
}

for (const { version, transactionVersion } of WAYS) {
  describe(`Apache Kafka ${version}`, () => {
    test('committed, aborted and open transactions: kcat, Java and DumpLogSegments', async () => {
      await using kafka = await KafkaCluster.start({ version })
      await kafka.createTopic('t', 1)
      const producer = transactional(kafka, 'writer')
      const ends = ['commit', 'abort', 'commit', 'abort', 'commit'] as const
      const [all, committed]: [string[], string[]] = [[], []]
      for (const [i, end] of ends.entries()) {
        const transaction = await producer.beginTransaction()
        await send(transaction, values(`${i}`))
        all.push(...values(`${i}`))
        if (end === 'commit') committed.push(...values(`${i}`))
        await transaction[end]()
      }
      const open = await producer.beginTransaction()
      await send(open, values('open'))
      all.push(...values('open'))

      assert.deepEqual(await readCommitted(kafka, 't'), committed)
      const uncommitted = await readWithKcat(kafka.brokers, 't', '-X', 'isolation.level=read_uncommitted')
      assert.deepEqual(
        uncommitted.map(({ value }) => String(value)),
        all,
      )
      // One more than there is: it waits for it in vain.
      const byJava = await readWithJava(kafka, 't', committed.length + 1, 'read_committed', 5_000)
      assert.deepEqual(
        byJava.filter(line => line !== ''),
        committed,
      )
      await open.commit()
      await producer.close()
      assert.deepEqual(await readCommitted(kafka, 't'), [...committed, ...values('open')])

      const log = await kafka.dumpLog('t', 0, '--deep-iteration')
      const markers = [...ends, 'commit'].map(end => end.toUpperCase())
      assert.deepEqual(
        log.flatMap(({ marker }) => marker ?? []),
        markers,
      )
      assert.ok(log.every(({ isTransactional, isvalid }) => isTransactional && isvalid))
      const [{ producerEpoch: first }] = log as [(typeof log)[number]]
      const epochs = log.map(({ producerEpoch, marker }) => [producerEpoch - first, marker])
      // With version 2 the marker has the epoch that comes next, and with it the sequences begin at 0.
      assert.deepEqual(
        epochs,
        markers.flatMap((marker, i) =>
          transactionVersion === 2
            ? [
                [i, undefined],
                [i + 1, marker],
              ]
            : [
                [0, undefined],
                [0, marker],
              ],
        ),
      )
      const sequences = log.filter(({ marker }) => marker === undefined).map(({ baseSequence }) => baseSequence)
      assert.deepEqual(
        sequences,
        markers.map((_, i) => (transactionVersion === 2 ? 0 : 5 * i)),
      )
    })

    test('a second producer with the same id fences the first one, whose open transaction is aborted', async () => {
      await using kafka = await KafkaCluster.start({ version })
      await kafka.createTopic('t', 1)
      await using first = transactional(kafka, 'writer')
      const left = await first.beginTransaction()
      await send(left, values('first'))
      await using second = transactional(kafka, 'writer')
      const transaction = await second.beginTransaction()
      await send(transaction, values('second'))
      await assert.rejects(left.commit(), ProducerFencedError)
      await transaction.commit()
      await assert.rejects(first.beginTransaction(), ProducerFencedError)
      assert.deepEqual(await readCommitted(kafka, 't'), values('second'))
      const markers = (await kafka.dumpLog('t', 0, '--deep-iteration')).flatMap(({ marker }) => marker ?? [])
      assert.deepEqual(markers, ['ABORT', 'COMMIT'])
    })

    test("offsets move only with the transaction, kafkajs's consumer", () => copies(version, joinWithKafkajs))

    test("offsets move only with the transaction, @platformatic/kafka's consumer", () =>
      copies(version, joinWithPlatformatic))
  })
}

const COUNT = 100

/** Consumes, transforms and produces, with one transaction that is aborted, one that is committed, and one of a member that was replaced. */
async function copies(version: string, join: Join): Promise<void> {
  await using kafka = await KafkaCluster.start({ version })
  await kafka.createTopic('in', 2)
  await kafka.createTopic('out', 1)
  await using source = createProducer({ brokers: kafka.brokers })
  const input = Array.from({ length: COUNT }, (_, i) => ({ topic: 'in', partition: i % 2, value: `value ${i}` }))
  await lastValueFrom(source.publish(input))
  await using producer = transactional(kafka, 'copier')

  const reader = await join(kafka, 'g', 'in', COUNT)
  const copy = async (): Promise<Transaction> => {
    const transaction = await producer.beginTransaction()
    const records = reader.records.map(({ value }) => ({ topic: 'out', value: `${value}!` }))
    await lastValueFrom(transaction.publish(records))
    await transaction.sendOffsets(reader.member, nextOffsets(reader.records))
    return transaction
  }
  const aborted = await copy()
  assert.deepEqual(await groupOffsets(kafka), ['-1', '-1'], 'before the end')
  await aborted.abort()
  assert.deepEqual(await groupOffsets(kafka), ['-1', '-1'], 'after an abort')
  const committed = await copy()
  assert.deepEqual(await groupOffsets(kafka), ['-1', '-1'], 'before the commit')
  await committed.commit()
  assert.deepEqual(await movedOffsets(kafka), ['50', '50'])
  const read = await readCommitted(kafka, 'out')
  assert.deepEqual(read.toSorted(), input.map(({ value }) => `${value}!`).toSorted())

  // The group gets another generation, and the member does not know.
  const next = await join(kafka, 'g', 'in', 0)
  const late = await producer.beginTransaction()
  await lastValueFrom(late.publish([{ topic: 'out', value: 'late' }]))
  const offsets = [{ topic: 'in', partition: 0, offset: 1 }]
  await assert.rejects(late.sendOffsets(reader.member, offsets), /ILLEGAL_GENERATION|UNKNOWN_MEMBER_ID/)
  await assert.rejects(late.commit(), TransactionAbortedError)
  assert.deepEqual(await groupOffsets(kafka), ['50', '50'])
  assert.deepEqual(await readCommitted(kafka, 'out'), read)
  await Promise.all([reader.leave(), next.leave()])
}

function nextOffsets(records: readonly ConsumedRecord[]): { topic: string; partition: number; offset: bigint }[] {
  const next = new Map(records.map(({ partition, offset }) => [partition, BigInt(offset) + 1n]))
  return [...next].map(([partition, offset]) => ({ topic: 'in', partition, offset }))
}

/** Committed offsets of the group, by partition; -1: none. */
async function groupOffsets(kafka: KafkaCluster): Promise<string[]> {
  const [found] = await kafka.admin(admin => admin.fetchOffsets({ groupId: 'g', topics: ['in'] }))
  return found!.partitions.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset)
}

/** The same, once the coordinator has written the marker of a transaction into the group's offsets, which follows the commit. */
async function movedOffsets(kafka: KafkaCluster): Promise<string[]> {
  for (;;) {
    const offsets = await groupOffsets(kafka)
    if (!offsets.includes('-1')) return offsets
  }
}
