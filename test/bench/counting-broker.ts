/**
 * A broker that is never the limit: it counts what is in produce requests, by the headers of their batches, stores nothing
 * and answers everything with success. What it checks is cheap: acks=all, and sequences without gap and duplicate.
 */
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { fetch } from '../../src/protocol/messages/fetch.js'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import {
  type MetadataRequest,
  type MetadataResponse,
  metadata,
  NO_AUTHORIZED_OPERATIONS,
} from '../../src/protocol/messages/metadata.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { RECORD_COUNT_OFFSET } from '../../src/protocol/records/record-batch.js'
import { decodeRequestBody, decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/wire/message.js'
import type { Address, Transport } from '../../src/transport/transport.js'
import { ProduceReply } from './produce-reply.js'
import { type RequestHandler, RequestParser } from './request-parser.js'
import { Sequences } from './sequences.js'

/** Fetch and FindCoordinator are not served: librdkafka writes the batches of today, and lz4, only to brokers that offer them. */
const OFFERED = [{ ...produce, maxVersion: 12 }, fetch, findCoordinator, metadata, apiVersions, initProducerId]
/** Of what is wrong, the first few say enough. */
const MAX_VIOLATIONS = 10

export interface Counts {
  readonly records: number
  /** Of record batches, headers included. */
  readonly batchBytes: number
  readonly batches: number
  readonly requests: number
  /** Produce requests of one connection that were not answered, from their first byte on: the most there were. */
  readonly maxInFlight: number
  /** The same as a mean over all requests, each counted when it comes. */
  readonly meanInFlight: number
  /** What producers did wrong; the first few. */
  readonly violations: readonly string[]
}

interface PartitionState {
  readonly sequences: Sequences
  nextOffset: number
}

interface TopicState {
  readonly id: Buffer
  readonly partitions: readonly PartitionState[]
}

export interface BrokerConnection {
  /** Takes bytes as they come. They are not needed after the call. */
  receive(chunk: Buffer): void
  /** Answers have left: their requests are not in flight any more. */
  answered(requests: number): void
}

export class CountingBroker {
  records = 0
  batchBytes = 0
  batches = 0
  requests = 0
  maxInFlight = 0
  /** Summed up over requests. */
  inFlight = 0
  violations: string[] = []
  /** {@link onMark} is called as soon as so many records are counted. */
  mark: number = Number.POSITIVE_INFINITY
  onMark: () => void = () => {}
  readonly #nodes: readonly Address[]
  readonly #partitions: number
  readonly #topics = new Map<string, TopicState>()
  #producerIds = 0

  constructor(nodes: readonly Address[], partitions: number) {
    this.#nodes = nodes
    this.#partitions = partitions
  }

  get counts(): Counts {
    const { records, batchBytes, batches, requests, maxInFlight, violations } = this
    return { records, batchBytes, batches, requests, maxInFlight, violations, meanInFlight: this.inFlight / requests }
  }

  /** Counts from 0 on; who writes on has to go on in sequence all the same. */
  reset(): void {
    this.records = 0
    this.batchBytes = 0
    this.batches = 0
    this.requests = 0
    this.maxInFlight = 0
    this.inFlight = 0
    this.violations = []
  }

  /** @param reply is given each answer as one frame; those to produce requests can be delayed. */
  connection(reply: (frame: Buffer, toProduce: boolean) => void): BrokerConnection {
    const connection = new Connection(this, reply)
    const parser = new RequestParser(connection)
    return {
      receive: chunk => parser.push(chunk),
      answered: requests => {
        connection.inFlight -= requests
      },
    }
  }

  violation(what: string): void {
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(what)
  }

  topic(name: string): TopicState {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const id = Buffer.alloc(16)
      // Ids of zeros stand for no id.
      id.writeUInt32BE(this.#topics.size + 1, 12)
      const partitions = Array.from({ length: this.#partitions }, () => ({ sequences: new Sequences(), nextOffset: 0 }))
      topic = { id, partitions }
      this.#topics.set(name, topic)
    }
    return topic
  }

  answer(message: Buffer): Uint8Array[] {
    const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(message)
    if (apiKey === metadata.key) {
      const request = decodeRequestBody(metadata, apiVersion, message, bodyOffset)
      return encodeResponseFrame(metadata, apiVersion, correlationId, this.#describe(request))
    }
    if (apiKey === initProducerId.key) {
      const response = { throttleTimeMs: 0, errorCode: 0, producerId: BigInt(++this.#producerIds), producerEpoch: 0 }
      return encodeResponseFrame(initProducerId, apiVersion, correlationId, response)
    }
    if (apiKey !== apiVersions.key) throw new Error(`a request of API ${apiKey}, which is not offered`)
    const apiKeys = OFFERED.map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion }))
    return encodeResponseFrame(apiVersions, apiVersion, correlationId, {
      errorCode: 0,
      apiKeys,
      throttleTimeMs: 0,
      finalizedFeatures: [],
    })
  }

  #describe(request: MetadataRequest): MetadataResponse {
    const names = request.topics === null ? [...this.#topics.keys()] : request.topics.map(({ name }) => name ?? '')
    return {
      throttleTimeMs: 0,
      brokers: this.#nodes.map((address, i) => ({ nodeId: i + 1, ...address, rack: null })),
      clusterId: 'counting',
      controllerId: 1,
      clusterAuthorizedOperations: NO_AUTHORIZED_OPERATIONS,
      errorCode: 0,
      topics: names.map(name => {
        const { id, partitions } = this.topic(name)
        return {
          errorCode: 0,
          name,
          topicId: id,
          isInternal: false,
          partitions: partitions.map((_, partitionIndex) => this.#describePartition(partitionIndex)),
          topicAuthorizedOperations: NO_AUTHORIZED_OPERATIONS,
        }
      }),
    }
  }

  #describePartition(partitionIndex: number) {
    const leaderId = (partitionIndex % this.#nodes.length) + 1
    const nodes = { leaderId, replicaNodes: [leaderId], isrNodes: [leaderId], offlineReplicas: [] }
    return { errorCode: 0, partitionIndex, leaderEpoch: 0, ...nodes }
  }
}

/** One connection, between the parser and the counts. */
class Connection implements RequestHandler {
  /** Produce requests that were not answered. */
  inFlight = 0
  readonly #broker: CountingBroker
  readonly #reply: (frame: Buffer, toProduce: boolean) => void
  readonly #answer = new ProduceReply()
  #topicName = ''
  #topic: TopicState | undefined

  constructor(broker: CountingBroker, reply: (frame: Buffer, toProduce: boolean) => void) {
    this.#broker = broker
    this.#reply = reply
  }

  other(message: Buffer): void {
    this.#reply(Buffer.concat(this.#broker.answer(message)), false)
  }

  produceBegins(version: number, correlationId: number, acks: number, topics: number): void {
    const broker = this.#broker
    if (acks !== -1) broker.violation(`acks ${acks}`)
    this.inFlight++
    broker.requests++
    broker.inFlight += this.inFlight
    if (this.inFlight > broker.maxInFlight) broker.maxInFlight = this.inFlight
    this.#answer.begin(version, correlationId, topics)
  }

  topic(name: Buffer, partitions: number): void {
    this.#topicName = name.toString('latin1')
    this.#topic = this.#broker.topic(this.#topicName)
    this.#answer.topic(name, partitions)
  }

  batch(index: number, bytes: Buffer, offset: number, size: number): void {
    const broker = this.#broker
    const partition = this.#topic!.partitions[index]
    if (partition === undefined) throw new Error(`a batch for ${this.#topicName}-${index}, which does not exist`)
    const count = bytes.readInt32BE(offset + RECORD_COUNT_OFFSET)
    const wrong = partition.sequences.take(bytes, offset, count)
    if (wrong !== undefined) broker.violation(`${this.#topicName}-${index}: ${wrong}`)
    this.#answer.partition(index, partition.nextOffset)
    partition.nextOffset += count
    broker.batches++
    broker.batchBytes += size
    broker.records += count
    if (broker.records >= broker.mark) broker.onMark()
  }

  produceEnds(): void {
    this.#reply(this.#answer.end(), true)
  }
}

/** A network of this one broker, inside the process: nothing is paid for sockets. */
export function inProcess(broker: CountingBroker): Transport {
  return {
    connect(_address, listener) {
      const { receive, answered } = broker.connection((frame, toProduce) => {
        setImmediate(() => {
          if (toProduce) answered(1)
          listener.received(frame)
        })
      })
      setImmediate(() => listener.opened())
      return {
        write(chunks) {
          for (const { buffer, byteOffset, byteLength } of chunks) receive(Buffer.from(buffer, byteOffset, byteLength))
        },
        destroy() {
          setImmediate(() => listener.closed())
        },
      }
    },
  }
}
