import assert from 'node:assert/strict'
import { type Ack, createProducer, type Producer, type ProducerRecord, type Transaction } from '../../../src/index.js'
import type { TestCluster } from '../../../src/testing/index.js'
import { startWorld, type World, type WorldOptions, watch } from '../../support/world.js'

export const TOPICS = { t: { partitions: 2 } }
export const ID = 'copier'
/** The older way to add partitions, and the one of KIP-890. */
export const VERSIONS = [1, 2] as const
export type Version = (typeof VERSIONS)[number]

/** A world whose producer has transactions. */
export function startTransactional(transactionVersion: Version, options: WorldOptions = {}): Promise<World> {
  return startWorld({
    ...options,
    cluster: { topics: TOPICS, transactionVersion, ...options.cluster },
    // Longer than two requests that are not answered.
    producer: { transactionalId: ID, transactionTimeoutMs: 600_000, ...options.producer },
  })
}

/** Another producer with the same transactional id. */
export function successor({ cluster, network, time }: World): Producer {
  return createProducer({
    brokers: cluster.brokers,
    transport: network,
    scheduler: time,
    random: () => 0.5,
    transactionalId: ID,
  })
}

export const record = (value: string, partition = 0): ProducerRecord => ({ topic: 't', partition, value })

export const records = (prefix: string, count: number, partition = 0): ProducerRecord[] =>
  Array.from({ length: count }, (_, i) => record(`${prefix}${i}`, partition))

/** The values that a consumer of committed records reads. */
export function committed(cluster: TestCluster, partition = 0): string[] {
  return cluster.records('t', partition, { isolation: 'read_committed' }).map(({ value }) => String(value))
}

/** Begins a transaction, and sends records in it. */
export async function begun(
  { time, producer }: Pick<World, 'time' | 'producer'>,
  sent: readonly ProducerRecord[] = [],
): Promise<{ readonly transaction: Transaction; readonly acks: readonly Ack[] }> {
  const transaction = await time.until(producer.beginTransaction())
  const acks = watch(transaction.publish(sent))
  return { transaction, acks: acks.values }
}

/** The errors of a promise that is expected to reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof Error)
    return error
  }
  throw new assert.AssertionError({ message: 'the promise did not reject' })
}
