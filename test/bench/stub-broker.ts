import { apiVersions } from '../../src/protocol/api-versions.js'
import { initProducerId } from '../../src/protocol/init-producer-id.js'
import { decodeRequestBody, decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/message.js'
import { metadata } from '../../src/protocol/metadata.js'
import { type ProduceRequest, produce } from '../../src/protocol/produce.js'
import { RECORD_COUNT_OFFSET } from '../../src/protocol/record-batch.js'
import { FrameReader } from '../../src/transport/framing.js'
import type { Address, Transport } from '../../src/transport/transport.js'

const SPOKEN = [produce, metadata, apiVersions, initProducerId]

/** Answers everything with success and stores nothing: fast, so that what is measured is the producer. */
export class StubBroker {
  /** Records in the produce requests so far, as their batch headers say. */
  records = 0
  readonly #address: Address
  readonly #partitions: number

  constructor(address: Address, partitions: number) {
    this.#address = address
    this.#partitions = partitions
  }

  /** One connection: takes bytes as they come, gives each answer to `reply`. */
  connection(reply: (bytes: Buffer) => void): (chunk: Buffer) => void {
    const frames = new FrameReader(1 << 30, message => reply(Buffer.concat(this.#answer(message))))
    return chunk => frames.push(chunk)
  }

  #answer(message: Buffer): Uint8Array[] {
    const { apiKey, apiVersion, correlationId, bodyOffset } = decodeRequestHeader(message)
    if (apiKey === produce.key) {
      const request = decodeRequestBody(produce, apiVersion, message, bodyOffset)
      return encodeResponseFrame(produce, apiVersion, correlationId, this.#stored(request))
    }
    if (apiKey === metadata.key) {
      const { topics } = decodeRequestBody(metadata, apiVersion, message, bodyOffset)
      const names = (topics ?? []).map(topic => topic.name ?? '')
      return encodeResponseFrame(metadata, apiVersion, correlationId, this.#describe(names))
    }
    if (apiKey === initProducerId.key) {
      const response = { throttleTimeMs: 0, errorCode: 0, producerId: 1n, producerEpoch: 0 }
      return encodeResponseFrame(initProducerId, apiVersion, correlationId, response)
    }
    const apiKeys = SPOKEN.map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion }))
    return encodeResponseFrame(apiVersions, apiVersion, correlationId, { errorCode: 0, apiKeys, throttleTimeMs: 0 })
  }

  #stored(request: ProduceRequest) {
    const responses = request.topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index, records }) => {
        this.records += (records as Buffer).readInt32BE(RECORD_COUNT_OFFSET)
        const unknown = { logAppendTimeMs: -1n, logStartOffset: 0n, recordErrors: [], errorMessage: null }
        return { index, errorCode: 0, baseOffset: 0n, ...unknown }
      }),
    }))
    return { responses, throttleTimeMs: 0 }
  }

  #describe(names: readonly string[]) {
    const partitions = Array.from({ length: this.#partitions }, (_, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: 1,
      leaderEpoch: 0,
      replicaNodes: [1],
      isrNodes: [1],
      offlineReplicas: [],
    }))
    const rights = -2147483648
    return {
      throttleTimeMs: 0,
      brokers: [{ nodeId: 1, ...this.#address, rack: null }],
      clusterId: 'stub',
      controllerId: 1,
      clusterAuthorizedOperations: rights,
      topics: names.map(name => ({
        errorCode: 0,
        name,
        topicId: Buffer.alloc(16),
        isInternal: false,
        partitions,
        topicAuthorizedOperations: rights,
      })),
    }
  }
}

/** A network of this one broker, inside the process: nothing is paid for sockets. */
export function stubTransport(broker: StubBroker): Transport {
  return {
    connect(_address, listener) {
      const receive = broker.connection(bytes => setImmediate(() => listener.received(bytes)))
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
