import assert from 'node:assert/strict'
import { Subject } from 'rxjs'
import type { Ack, ProducerEvent, ProducerRecord } from '../../src/index.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import type { ClusterOptions, TestCluster, TraceEntry } from '../../src/testing/index.js'
import { startWorld, type World, type WorldOptions } from './world.js'

/** Room for one record a batch: as many batches as records. */
export const ONE_RECORD_BATCHES: { readonly batchSize: number } = { batchSize: BATCH_HEADER_SIZE + 1 }

/** One partition, and an answer that takes a while: what is sent in one go is in flight together. */
export const ONE_PARTITION: Omit<ClusterOptions, 'scheduler' | 'network'> = {
  topics: { t: { partitions: 1 } },
  replyDelayMs: 10,
}

export interface ProofOptions extends WorldOptions {
  /** Sends one record to each of these partitions, and waits until it is acked: what follows meets an open window. Default 0. */
  readonly warm?: readonly number[]
  /** Within what records must be stored in the order in which they were sent. Default: their partition. */
  readonly ordered?: 'by partition' | 'by key'
}

/** A world whose every record is accounted for: what was sent, what was answered and when. */
export async function startProof(options: ProofOptions = {}): Promise<Proof> {
  const world = await startWorld({ cluster: ONE_PARTITION, ...options })
  const proof = new Proof(world, options)
  for (const partition of options.warm ?? [0]) proof.send(1, { partition })
  await proof.settled()
  return proof
}

/** What records have beside their value; `partition: undefined` leaves the choice to the producer. */
type Fields = Partial<Omit<ProducerRecord<number>, 'partition'>> & {
  readonly partition?: number | undefined
  readonly bytes?: number
}

interface Settled {
  readonly ack: Ack<number>
  readonly at: number
}

/** @see startProof */
export class Proof {
  readonly world: World
  /** Records are numbered from 0 in the order in which they were sent; the number begins the value. */
  readonly sent: { readonly record: ProducerRecord<number>; readonly at: number }[] = []
  readonly #push = new Subject<ProducerRecord<number>>()
  readonly #settled = new Map<number, Settled>()
  readonly #twice: number[] = []
  readonly #deliveryTimeoutMs: number
  readonly #maxInFlight: number
  readonly #ordered: 'by partition' | 'by key'
  /** Of the stream: how it ended. */
  error: Error | undefined

  constructor(world: World, { producer, ordered = 'by partition' }: ProofOptions) {
    this.#ordered = ordered
    this.world = world
    this.#deliveryTimeoutMs = producer?.deliveryTimeoutMs ?? 120_000
    this.#maxInFlight = producer?.maxInFlight ?? 4
    this.#push.pipe(world.producer.send<number>()).subscribe({
      next: ack => this.#answered(ack),
      error: error => {
        this.error = error
      },
    })
  }

  get cluster(): TestCluster {
    return this.world.cluster
  }

  /** Sends so many records, to partition 0 unless they have a partition or a key; gives their numbers. */
  send(count: number, fields: Fields = {}): number[] {
    const { bytes = 0, ...rest } = fields
    return Array.from({ length: count }, () => {
      const metadata = this.sent.length
      const place = rest.key === undefined ? { partition: 0 } : {}
      const record = { topic: 't', value: `${metadata}`.padEnd(bytes, '.'), ...place, ...rest, metadata }
      this.sent.push({ record, at: this.world.time.now() })
      this.#push.next(record)
      return metadata
    })
  }

  /** Lets time pass until these records, or all that were sent, have their terminal events. */
  async settled(numbers: readonly number[] = [...this.sent.keys()]): Promise<void> {
    await this.world.time.until(() => numbers.every(number => this.#settled.has(number)))
  }

  ack(number: number): Ack<number> {
    const settled = this.#settled.get(number)
    assert.ok(settled !== undefined, `record ${number} has no terminal event`)
    return settled.ack
  }

  /** How long a record took from being sent to its terminal event, in ms. */
  tookMs(number: number): number {
    this.ack(number)
    return this.#settled.get(number)!.at - this.sent[number]!.at
  }

  /** The numbers of the records that have their terminal event, in the order in which it came. */
  get order(): number[] {
    return [...this.#settled.keys()]
  }

  /** What became of these records, in short: `acked`, `no` or `maybe`. */
  ends(numbers: readonly number[]): string[] {
    return numbers.map(number => {
      const ack = this.ack(number)
      return ack.kind === 'failed' ? ack.persisted : ack.kind
    })
  }

  told<K extends ProducerEvent['kind']>(kind: K): Extract<ProducerEvent, { kind: K }>[] {
    return this.world.events.filter((event): event is Extract<ProducerEvent, { kind: K }> => event.kind === kind)
  }

  /** The numbers of a partition's records, in the order of the log. */
  log(partition = 0, topic = 't'): number[] {
    return this.cluster.records(topic, partition).map(({ value }) => Number.parseInt(String(value), 10))
  }

  /**
   * Ends the world and checks I1 to I6 of the fault matrix.
   *
   * @param lost records that the *cluster* has lost after it had confirmed them: deleted, truncated.
   */
  async end(lost: readonly number[] = []): Promise<void> {
    await this.settled()
    assert.equal(this.world.producer.bufferedBytes, 0, 'everything has its end, and the buffer is not empty')
    this.#checkEnds()
    this.#checkLogs(new Set(lost))
    checkRequests(this.cluster, this.#maxInFlight)
    await this.world.end()
  }

  #answered(ack: Ack<number>): void {
    const number = ack.record.metadata!
    if (this.#settled.has(number)) this.#twice.push(number)
    this.#settled.set(number, { ack, at: this.world.time.now() })
  }

  /** I5. */
  #checkEnds(): void {
    assert.deepEqual(this.#twice, [], 'records with two terminal events')
    for (const [number, { at, record }] of this.sent.entries()) {
      const settled = this.#settled.get(number)!
      assert.equal(settled.ack.record, record)
      const ms = settled.at - at
      assert.ok(ms <= this.#deliveryTimeoutMs, `record ${number} took ${ms} ms`)
    }
  }

  /** I1 to I4. */
  #checkLogs(lost: ReadonlySet<number>): void {
    const places = new Map<number, { partition: number; offset: bigint }>()
    for (const partition of partitionsOf(this.cluster, 't')) {
      const lasts = new Map<unknown, number>()
      for (const { offset, value } of this.cluster.records('t', partition)) {
        const number = Number.parseInt(String(value), 10)
        const record = this.sent[number]?.record
        assert.equal(String(value), record?.value, 'a record that nobody sent')
        const line = this.#ordered === 'by key' ? record?.key : undefined
        const last = lasts.get(line) ?? -1
        assert.ok(!places.has(number), `record ${number} is there twice`)
        assert.ok(number > last, `record ${number} stands behind record ${last} in partition ${partition}`)
        places.set(number, { partition, offset })
        lasts.set(line, number)
      }
    }
    for (const [number, { ack }] of this.#settled) {
      const place = places.get(number)
      if (ack.kind === 'acked') {
        if (lost.has(number) && place === undefined) continue
        assert.ok(place !== undefined, `record ${number} was acked and is not readable`)
        assert.equal(place.partition, ack.partition)
        if (ack.offset !== -1n && !lost.has(number)) assert.equal(place.offset, ack.offset)
      } else if (ack.persisted === 'no') {
        assert.equal(place, undefined, `record ${number} was reported as not written, and is readable`)
      }
    }
  }
}

function partitionsOf(cluster: TestCluster, topic: string): number[] {
  const partitions: number[] = []
  for (let index = 0; ; index++) {
    try {
      cluster.leader(topic, index)
    } catch {
      return partitions
    }
    partitions.push(index)
  }
}

type RequestEntry = Extract<TraceEntry, { kind: 'request' }>

/** A batch that a produce request carried, and when and where it came. */
export type Sent = NonNullable<RequestEntry['batches']>[number] &
  Pick<RequestEntry, 'at' | 'node' | 'connection' | 'correlationId'>

/** The produce requests that came to the brokers, in order. */
export function requests(cluster: TestCluster): RequestEntry[] {
  return cluster.trace.filter((entry): entry is RequestEntry => entry.kind === 'request' && entry.api === 'Produce')
}

/** Every batch of a partition that came to the brokers, in order: each as often as it was sent. */
export function sentTo(cluster: TestCluster, partition = 0): Sent[] {
  return requests(cluster).flatMap(({ batches = [], at, node, connection, correlationId }) =>
    batches
      .filter(batch => batch.partition === partition)
      .map(batch => ({ ...batch, at, node, connection, correlationId })),
  )
}

/** As whom, with which sequence and with which bytes a batch was sent. */
export function identityOf({ producerId, producerEpoch, baseSequence, count, crc }: Sent): string {
  return `${producerId}/${producerEpoch} ${baseSequence}+${count} ${crc.toString(16)}`
}

/** The codes that batches of a partition were rejected with, in order. */
export function rejections(cluster: TestCluster, partition = 0): number[] {
  return cluster.trace.flatMap(entry =>
    entry.kind === 'rejected' && entry.partition === partition ? [entry.errorCode] : [],
  )
}

/** How many batches the brokers took for ones that they had already. */
export function duplicates(cluster: TestCluster): number {
  return cluster.trace.filter(({ kind }) => kind === 'duplicate').length
}

/** The epochs and sequences of a partition's log: `epoch:sequence` of each batch. */
export function stamps(cluster: TestCluster, partition = 0): string[] {
  return cluster.batches('t', partition).map(batch => `${batch.producerEpoch}:${batch.baseSequence}`)
}

/** What must hold of all that a producer sends, whatever happens: the window, and nothing that a broker can't read. */
function checkRequests(cluster: TestCluster, maxInFlight: number): void {
  const most = cluster.depth.most()
  assert.ok(most <= maxInFlight, `${most} requests in flight`)
  for (const { batches = [] } of requests(cluster)) {
    const partitions = batches.map(({ topic, partition }) => `${topic}-${partition}`)
    assert.equal(new Set(partitions).size, partitions.length, 'two batches of one partition in a request')
  }
  const flawed = cluster.trace.filter(
    entry => entry.kind === 'refused' || (entry.kind === 'rejected' && FLAWS.includes(entry.rule)),
  )
  assert.deepEqual(flawed, [], 'what the producer sent is not what Kafka takes')
}

/** The checks of a batch that no fault and no state of a broker can make fail. */
const FLAWS = ['batch', 'base offset', 'crc', 'compression', 'count', 'kind', 'sequence', 'offsets', 'records', 'acks']
