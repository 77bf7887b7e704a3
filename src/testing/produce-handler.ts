import { describe } from '../errors.js'
import { crc32c } from '../protocol/crc32c.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { PartitionProduceResponse, ProduceRequest, ProduceResponse } from '../protocol/produce.js'
import {
  ATTRIBUTES_OFFSET,
  CRC_OFFSET,
  decodeRecordBatches,
  decodeRecords,
  MAX_TIMESTAMP_OFFSET,
  type RecordBatch,
} from '../protocol/record-batch.js'
import type { Client, Handler } from './cluster-state.js'
import type { PartitionState, TopicState } from './topics.js'

const ACKS = [-1, 0, 1]
const LOG_APPEND_TIME = 8

/** What comes of one partition of a request. */
interface Result {
  readonly errorCode: number
  readonly baseOffset?: bigint
  readonly message?: string
}

/** Appends as a leader does whose followers are always in sync. */
export const handleProduce: Handler<ProduceRequest, ProduceResponse> = (client, request) => ({
  responses: request.topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index, records }) => {
      const topic = client.cluster.topics.get(name)
      const result = ACKS.includes(request.acks)
        ? produceOne(client, topic, index, records)
        : { errorCode: ErrorCode.INVALID_REQUIRED_ACKS }
      return respond(client, topic, index, result)
    }),
  })),
  throttleTimeMs: 0,
})

function respond(
  client: Client,
  topic: TopicState | undefined,
  index: number,
  result: Result,
): PartitionProduceResponse {
  const stored = result.errorCode === ErrorCode.NONE
  return {
    index,
    errorCode: result.errorCode,
    baseOffset: result.baseOffset ?? -1n,
    logAppendTimeMs: stored && topic?.logAppendTime ? BigInt(client.cluster.now()) : -1n,
    logStartOffset: stored ? (topic?.partitions[index]?.log.startOffset ?? -1n) : -1n,
    recordErrors: [],
    errorMessage: result.message ?? null,
  }
}

function produceOne(client: Client, topic: TopicState | undefined, index: number, records: Uint8Array | null): Result {
  const partition = topic?.partitions[index]
  if (topic === undefined || partition === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
  if (partition.leader !== client.node) return { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }
  const batch = readBatch(records ?? Buffer.alloc(0))
  if (batch instanceof Error) return { errorCode: ErrorCode.CORRUPT_MESSAGE, message: batch.message }
  const { cluster, node, connection } = client
  const { producerId, producerEpoch, baseSequence, recordCount: count } = batch
  const trace = {
    node,
    connection,
    topic: topic.name,
    partition: index,
    producerId,
    producerEpoch,
    baseSequence,
    count,
  }

  const target = { api: 'Produce', node, parts: [{ topic: topic.name, partition: index, producerId }] }
  const fault = cluster.faults.strike('partition', target)
  if (fault !== undefined) cluster.trace.add({ kind: 'fault', node, connection, fault })
  const flaw = fault?.kind === 'error' ? { rule: 'fault', errorCode: fault.code } : findFlaw(batch, client)
  if (flaw !== undefined) {
    cluster.trace.add({ kind: 'rejected', ...trace, ...flaw })
    return flaw
  }

  const judgement = producerId < 0n ? ({ kind: 'append' } as const) : partition.producers.judge(batch)
  if (judgement.kind === 'rejected') {
    cluster.trace.add({ kind: 'rejected', ...trace, rule: judgement.rule, errorCode: judgement.errorCode })
    return { errorCode: judgement.errorCode }
  }
  let baseOffset: bigint
  if (judgement.kind === 'duplicate') baseOffset = judgement.baseOffset
  else baseOffset = append(client, topic, partition, batch)
  cluster.trace.add({ kind: judgement.kind === 'append' ? 'appended' : 'duplicate', ...trace, baseOffset })
  return fault?.kind === 'errorAfterAppend' ? { errorCode: fault.code } : { errorCode: ErrorCode.NONE, baseOffset }
}

function append(client: Client, topic: TopicState, partition: PartitionState, batch: RecordBatch): bigint {
  const stamped = topic.logAppendTime ? withAppendTime(batch, client.cluster.now()) : batch
  const baseOffset = partition.log.append(stamped, partition.leaderEpoch)
  if (batch.producerId >= 0n) partition.producers.appended(batch, baseOffset)
  client.cluster.appended$.next()
  return baseOffset
}

/** One batch, as bytes that hold together. */
function readBatch(records: Uint8Array): RecordBatch | Error {
  try {
    const [batch, ...more] = decodeRecordBatches(records)
    if (batch === undefined || more.length > 0 || batch.bytes.length !== records.length) {
      return new Error(`${records.length} bytes that are not exactly one record batch`)
    }
    return batch.crcValid ? batch : new Error(`the CRC of the record batch is not ${batch.crc}`)
  } catch (error) {
    return new Error(describe(error))
  }
}

/** What a broker finds wrong with a batch itself, whoever wrote it. */
function findFlaw(batch: RecordBatch, client: Client): (Result & { rule: string }) | undefined {
  const { maxMessageBytes } = client.cluster.options
  if (batch.bytes.length > maxMessageBytes) {
    const message = `the record batch has ${batch.bytes.length} bytes, the topic takes ${maxMessageBytes}`
    return { rule: 'size', errorCode: ErrorCode.MESSAGE_TOO_LARGE, message }
  }
  if (batch.compression > 2) {
    const message = `compression ${batch.compression} is not supported by this broker`
    return { rule: 'compression', errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message }
  }
  if (batch.recordCount < 1 || batch.lastOffsetDelta !== batch.recordCount - 1) {
    const message = `${batch.recordCount} records and a last offset delta of ${batch.lastOffsetDelta}`
    return { rule: 'count', errorCode: ErrorCode.INVALID_RECORD, message }
  }
  if (batch.producerId >= 0n && (batch.baseSequence < 0 || batch.producerEpoch < 0)) {
    const message = `producer epoch ${batch.producerEpoch} and sequence ${batch.baseSequence}`
    return { rule: 'sequence', errorCode: ErrorCode.INVALID_RECORD, message }
  }
  try {
    const offsets = decodeRecords(batch).map(record => Number(record.offset - batch.baseOffset))
    const wrong = offsets.findIndex((offset, i) => offset !== i)
    if (wrong === -1) return undefined
    return {
      rule: 'offsets',
      errorCode: ErrorCode.INVALID_RECORD,
      message: `record ${wrong} has offset delta ${offsets[wrong]}`,
    }
  } catch (error) {
    return { rule: 'records', errorCode: ErrorCode.CORRUPT_MESSAGE, message: describe(error) }
  }
}

/** The batch as a topic stores it that uses the time of the append: timestamp type and time are set, and the CRC with them. */
function withAppendTime(batch: RecordBatch, now: number): RecordBatch {
  const bytes = Buffer.from(batch.bytes)
  bytes.writeInt16BE(batch.attributes | LOG_APPEND_TIME, ATTRIBUTES_OFFSET)
  bytes.writeBigInt64BE(BigInt(now), MAX_TIMESTAMP_OFFSET)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET)
  return { ...batch, bytes }
}
