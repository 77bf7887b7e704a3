import assert from 'node:assert/strict'
import type { CodecName } from '../../src/protocol/compression/codec.js'
import { type ApiVersionsResponse, apiVersions } from '../../src/protocol/messages/api-versions.js'
import { type PartitionProduceResponse, type ProduceResponse, produce } from '../../src/protocol/messages/produce.js'
import { crc32c } from '../../src/protocol/records/crc32c.js'
import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  BATCH_LENGTH_OFFSET,
  CRC_OFFSET,
  LEADER_EPOCH_OFFSET,
  PRODUCER_EPOCH_OFFSET,
  PRODUCER_ID_OFFSET,
} from '../../src/protocol/records/record-batch.js'
import { RecordBatchBuilder, RecordLengths } from '../../src/protocol/records/record-batch-builder.js'
import type { Api } from '../../src/protocol/wire/api.js'
import { decodeCorrelationId, decodeResponseBody, encodeRequestFrame } from '../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import {
  type ClusterOptions,
  MemoryNetwork,
  startCluster,
  type TestCluster,
  VirtualTime,
} from '../../src/testing/index.js'
import { FrameReader } from '../../src/transport/framing.js'
import type { Address, Socket, Transport } from '../../src/transport/transport.js'
import { sealWith } from '../support/packing.js'

export interface BatchOptions {
  readonly producerId?: bigint
  readonly epoch?: number
  readonly sequence?: number
  readonly values?: readonly string[]
  readonly count?: number
  readonly timestamp?: number
  /** Of each record, instead of none. */
  readonly keys?: readonly (string | null)[]
  /** Of each record, instead of `timestamp`. */
  readonly timestamps?: readonly number[]
  readonly compression?: 'none' | CodecName
  readonly transactional?: boolean
  /** Changes the header; length and CRC are made right afterwards. */
  readonly patch?: (bytes: Buffer) => void
}

/** A record batch; without a producer id it is one of a producer that is not idempotent. */
export function batch(options: BatchOptions = {}): Buffer {
  const { producerId = -1n, keys, timestamps, timestamp = 0, compression = 'none' } = options
  const { count = keys?.length ?? timestamps?.length ?? 1 } = options
  const idempotent = producerId >= 0n
  const { epoch = idempotent ? 0 : -1, sequence = idempotent ? 0 : -1 } = options
  const values = options.values ?? Array.from({ length: count }, (_, i) => `v${i}`)
  const builder = new RecordBatchBuilder(Buffer.alloc(1024))
  const lengths = new RecordLengths()
  for (const [i, value] of values.entries()) {
    const key = keys?.[i] ?? null
    lengths.measure(key, value, undefined)
    builder.append(key, value, undefined, timestamps?.[i] ?? timestamp, lengths)
  }
  sealWith(compression, builder)
  const bytes = Buffer.from(builder.stamp({ producerId, producerEpoch: epoch }, Math.max(sequence, 0)))
  bytes.writeBigInt64BE(producerId, PRODUCER_ID_OFFSET)
  bytes.writeInt16BE(epoch, PRODUCER_EPOCH_OFFSET)
  bytes.writeInt32BE(sequence, BASE_SEQUENCE_OFFSET)
  if (options.transactional) bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_OFFSET) | 16, ATTRIBUTES_OFFSET)
  return sealed(bytes, options.patch)
}

/** A batch whose length and CRC are made right, after a change. */
export function sealed(bytes: Buffer, patch?: (bytes: Buffer) => void): Buffer {
  patch?.(bytes)
  bytes.writeInt32BE(bytes.length - LEADER_EPOCH_OFFSET, BATCH_LENGTH_OFFSET)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET)
  return bytes
}

interface ProduceOptions {
  readonly acks?: number
  readonly version?: number
  readonly topicId?: Buffer
  readonly transactionalId?: string | null
}

/** A connection that says exactly what it is told to, in requests or in bytes. */
export class RawClient {
  /** Frames that arrived, without their sizes, in order. */
  readonly frames: Buffer[] = []
  /** Everything that arrived. */
  bytes: Buffer = Buffer.alloc(0)
  open = false
  closed = false
  error: Error | undefined
  readonly #socket: Socket
  readonly #waiting: { correlationId: number; resolve(frame: Buffer): void; reject(error: Error): void }[] = []
  #correlationId = 0

  constructor(transport: Transport, broker: string | Address) {
    const reader = new FrameReader(2 ** 30, frame => {
      this.frames.push(frame)
      const index = this.#waiting.findIndex(one => one.correlationId === decodeCorrelationId(frame))
      if (index >= 0) this.#waiting.splice(index, 1)[0]!.resolve(frame)
    })
    this.#socket = transport.connect(typeof broker === 'string' ? parse(broker) : broker, {
      opened: () => {
        this.open = true
      },
      received: chunk => {
        this.bytes = Buffer.concat([this.bytes, chunk])
        try {
          reader.push(Buffer.from(chunk))
        } catch {
          // Not Kafka: `bytes` has it all.
        }
      },
      closed: error => {
        this.closed = true
        this.error = error
        for (const { reject } of this.#waiting) reject(error ?? new Error('the connection ended'))
      },
    })
  }

  request<Q, S>(api: Api<Q, S>, version: number, request: Q): Promise<S> {
    const correlationId = ++this.#correlationId
    const answer = new Promise<Buffer>((resolve, reject) => this.#waiting.push({ correlationId, resolve, reject }))
    this.#socket.write(encodeRequestFrame(api, version, correlationId, 'raw', request))
    const decoded = answer.then(frame => decodeResponseBody(api, version, frame))
    // A test may look at the connection and not at the answer.
    decoded.catch(() => undefined)
    return decoded
  }

  write(...chunks: Uint8Array[]): void {
    this.#socket.write(chunks)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  produce(
    data: Readonly<Record<string, Uint8Array | null>>,
    { acks = -1, version = 9, topicId = ZERO_UUID, transactionalId = null }: ProduceOptions = {},
  ): Promise<ProduceResponse> {
    const topicData = Object.entries(data).map(([where, records]) => {
      const [name = '', index = '0'] = where.split('/')
      return { name, topicId, partitionData: [{ index: Number(index), records }] }
    })
    return this.request(produce, version, { transactionalId, acks, timeoutMs: 1000, topicData })
  }

  apiVersions(version = 3): Promise<ApiVersionsResponse> {
    return this.request(apiVersions, version, { clientSoftwareName: 'raw', clientSoftwareVersion: '1' })
  }
}

function parse(broker: string): Address {
  const colon = broker.lastIndexOf(':')
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) }
}

/** The node to send to; the first where there is no such partition, or nobody leads it. */
function leaderOf(cluster: TestCluster, topic: string, partition: number): number {
  try {
    return Math.max(cluster.leader(topic, partition), 1)
  } catch {
    return 1
  }
}

/** A cluster on a network in memory, in virtual time, and connections to its nodes. */
export interface Bench extends AsyncDisposable {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  readonly cluster: TestCluster
  /** Opens a connection to a node, the first unless told. */
  connect(node?: number): Promise<RawClient>
  /** Lets time pass until the promise is settled. */
  wait<T>(promise: Promise<T>): Promise<T>
  /** Sends one batch to `topic/partition` on a connection of its own; gives the partition's answer. */
  produce(where: string, bytes: Uint8Array | null, acks?: number): Promise<PartitionProduceResponse>
}

export async function startBench(
  options: Omit<ClusterOptions, 'scheduler' | 'network'> = {},
  latencyMs = 0,
): Promise<Bench> {
  const time = new VirtualTime()
  const network = new MemoryNetwork({ scheduler: time, latencyMs })
  const topics = { t: { partitions: 3 } }
  const cluster = await startCluster({ topics, ...options, scheduler: time, network })
  const wait = async <T>(promise: Promise<T>): Promise<T> => (await time.until(promise)) as T
  const connect = async (node = 1): Promise<RawClient> => {
    const client = new RawClient(network, cluster.brokers[node - 1]!)
    await time.until(() => client.open || client.closed)
    return client
  }
  return {
    time,
    network,
    cluster,
    wait,
    connect,
    async produce(where, bytes, acks = -1) {
      const [topic = '', partition = '0'] = where.split('/')
      const client = await connect(leaderOf(cluster, topic, Number(partition)))
      const response = await wait(client.produce({ [where]: bytes }, { acks }))
      client.destroy()
      return response.responses[0]!.partitionResponses[0]!
    },
    /** Every test ends with this: no timer and no connection may be left. */
    async [Symbol.asyncDispose]() {
      await cluster.stop()
      await time.advance(0)
      assert.equal(network.connections, 0, 'connections are left')
      assert.equal(time.pending, 0, 'timers are left')
    },
  }
}
