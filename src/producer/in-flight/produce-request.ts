import { catchError, map, type Observable, of } from 'rxjs'
import { BrokerError, KafkaError, ProducerFencedError } from '../../errors.js'
import { brokerError, ErrorCode } from '../../protocol/error-codes.js'
import {
  type LeaderIdAndEpoch,
  type NodeEndpoint,
  type PartitionProduceResponse,
  type ProduceResponse,
  type ProduceTopicData,
  produce,
} from '../../protocol/messages/produce.js'
import type { Connection } from '../../transport/connection.js'
import type { Batch } from '../model/batch.js'
import type { NamedRecord, ProduceResult } from '../model/outcome.js'
import type { Partition } from '../model/partition.js'
import type { RequestLimit } from './request-limit.js'

/** One produce request, drained: at most one batch a partition. */
export interface DrainedRequest {
  /** Its place in the order in which the requests of a broker's window are sent, from 0. */
  readonly sendIndex: number
  readonly connection: Connection
  readonly parts: readonly { readonly partition: Partition; readonly batch: Batch }[]
  /** The limit of the broker's window. */
  readonly limit: RequestLimit
}

/** The result of a request. */
export interface RequestResult {
  readonly sendIndex: number
  readonly request: DrainedRequest
  /** One for each part, in the same order. */
  readonly results: readonly ProduceResult[]
  /** Whether no response arrived. */
  readonly lost: boolean
  /** How long the broker asks the producer to pause, in ms (KIP-219). */
  readonly throttleTimeMs: number
  /** Where partitions have moved, as the broker says that does not lead them any more (KIP-951). */
  readonly moves: readonly Move[]
  /** The addresses of their leaders. */
  readonly endpoints: readonly NodeEndpoint[]
  /** Why the producer can't go on. */
  readonly fatal: Error | undefined
}

export interface Move {
  readonly partition: Partition
  readonly leader: LeaderIdAndEpoch
}

const ACKS_ALL = -1

/** Version 13 names topics by id, and before Kafka 2.8 there are none. */
const produceByName: typeof produce = { ...produce, maxVersion: 12 }

/** From version 12 on a transactional batch adds its partition to the transaction (KIP-890), which needs transaction.version 2. */
const produceToAdded: typeof produce = { ...produce, maxVersion: 11 }

/**
 * One network attempt. Writes to the socket synchronously on subscription, so that requests leave in the order in which they were
 * drained; emits one result, completes, and never errors, because an error would end the window that it is part of.
 */
export function produceTo(
  request: DrainedRequest,
  timeoutMs: number,
  transactionalId: string | null = null,
): Observable<RequestResult> {
  const message = { transactionalId, acks: ACKS_ALL, timeoutMs, topicData: topicData(request) }
  return request.connection.request(apiFor(request), message).pipe(
    map(response => answered(request, response)),
    catchError(error => of(lost(request, error))),
  )
}

function apiFor({ parts }: DrainedRequest): typeof produce {
  if (parts[0]?.batch.transaction?.addsPartitions) return produceToAdded
  return parts.every(({ partition }) => partition.topicId !== '') ? produce : produceByName
}

function topicData(request: DrainedRequest): ProduceTopicData[] {
  const topics = new Map<string, ProduceTopicData>()
  for (const { partition, batch } of request.parts) {
    let topic = topics.get(partition.topic)
    if (topic === undefined) {
      topic = { name: partition.topic, topicId: Buffer.from(partition.topicId, 'hex'), partitionData: [] }
      topics.set(partition.topic, topic)
    }
    topic.partitionData.push({ index: partition.index, records: batch.bytes ?? null })
  }
  return [...topics.values()]
}

/** A broker may omit entries, repeat them or invent some: each part takes the first that names it, and the rest is ignored. */
function answered(request: DrainedRequest, response: ProduceResponse): RequestResult {
  request.limit.answered(sizeOf(request))
  const answers = new Map<string, Map<number, PartitionProduceResponse>>()
  for (const topic of response.responses) {
    // A topic has a name or, from version 13 on, an id.
    const key = topic.name === '' ? topic.topicId.toString('hex') : topic.name
    const partitions = answers.get(key) ?? new Map<number, PartitionProduceResponse>()
    answers.set(key, partitions)
    for (const partition of topic.partitionResponses) {
      if (!partitions.has(partition.index)) partitions.set(partition.index, partition)
    }
  }
  const moves: Move[] = []
  let fatal: Error | undefined
  const results = request.parts.map(({ partition, batch }): ProduceResult => {
    const answer = (answers.get(partition.topic) ?? answers.get(partition.topicId))?.get(partition.index)
    if (answer !== undefined) {
      fatal ??= fatalError(answer)
      if (MOVED.includes(answer.errorCode) && answer.currentLeader.leaderId !== -1)
        moves.push({ partition, leader: answer.currentLeader })
      return produceResult(answer, batch.count)
    }
    const error = new KafkaError(
      `the response of the broker at ${request.connection.name} has no entry for partition ${partition.topic}-${partition.index}`,
    )
    return { kind: 'unknown', error }
  })
  const { throttleTimeMs, nodeEndpoints: endpoints } = response
  return { sendIndex: request.sendIndex, request, results, lost: false, throttleTimeMs, moves, endpoints, fatal }
}

/** No response arrived. */
function lost(request: DrainedRequest, cause: Error): RequestResult {
  const error = request.limit.lost(request.connection, sizeOf(request), cause)
  const results = request.parts.map((): ProduceResult => ({ kind: 'unknown', error }))
  const nothing = { throttleTimeMs: 0, moves: [], endpoints: [], fatal: undefined }
  return { sendIndex: request.sendIndex, request, results, lost: true, ...nothing }
}

/** Returns the bytes of the request's batches, which are nearly all of it. */
function sizeOf({ parts }: DrainedRequest): number {
  let bytes = 0
  for (const { batch } of parts) bytes += batch.size
  return bytes
}

/**
 * The codes that Kafka's brokers return before they append, and never after: with each, this request stored nothing. The table in
 * ARCHITECTURE.md ("The recovery") names the file of Kafka that says so. Every other code, also one that this library does not know,
 * leaves open whether the batch is stored.
 */
const BEFORE_APPEND: ReadonlyMap<number, Exclude<ProduceResult['kind'], 'stored' | 'unknown'>> = new Map([
  [ErrorCode.NOT_ENOUGH_REPLICAS, 'rejected'],
  // Kafka verifies a transaction before it appends (KIP-890): its coordinator still completes the one before, or has moved.
  [ErrorCode.CONCURRENT_TRANSACTIONS, 'rejected'],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, 'rejected'],
  [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'rejected'],
  [ErrorCode.NOT_COORDINATOR, 'rejected'],
  [ErrorCode.UNKNOWN_TOPIC_ID, 'rejected'],
  [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, 'outOfSequence'],
  [ErrorCode.UNKNOWN_PRODUCER_ID, 'forgotten'],
  [ErrorCode.INVALID_PRODUCER_EPOCH, 'fenced'],
  [ErrorCode.MESSAGE_TOO_LARGE, 'tooLarge'],
  [ErrorCode.RECORD_LIST_TOO_LARGE, 'tooLarge'],
  [ErrorCode.CORRUPT_MESSAGE, 'corrupt'],
  [ErrorCode.INVALID_RECORD, 'badRecords'],
  [ErrorCode.INVALID_TIMESTAMP, 'badRecords'],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, 'refused'],
  [ErrorCode.INVALID_REQUIRED_ACKS, 'refused'],
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED, 'refused'],
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, 'refused'],
  [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'refused'],
  [ErrorCode.UNSUPPORTED_VERSION, 'refused'],
  [ErrorCode.INVALID_REQUEST, 'refused'],
  [ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, 'refused'],
  [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'refused'],
  [ErrorCode.INVALID_TXN_STATE, 'refused'],
  [ErrorCode.INVALID_PRODUCER_ID_MAPPING, 'refused'],
  [ErrorCode.PRODUCER_FENCED, 'refused'],
  [ErrorCode.TRANSACTION_ABORTABLE, 'refused'],
])

function produceResult(answer: PartitionProduceResponse, count: number): ProduceResult {
  const { errorCode } = answer
  if (errorCode === ErrorCode.NONE) {
    const { baseOffset, logAppendTimeMs, logStartOffset } = answer
    return { kind: 'stored', baseOffset, logAppendTime: Number(logAppendTimeMs), logStartOffset }
  }
  // The batch is stored, and the broker no longer knows where (KIP-98).
  if (errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }
  const error = new BrokerError(brokerError(errorCode), answer.errorMessage)
  const kind = BEFORE_APPEND.get(errorCode) ?? 'unknown'
  if (kind !== 'badRecords' && kind !== 'corrupt' && kind !== 'refused') return { kind, error }
  const named = namedRecords(answer, count)
  if (kind !== 'refused') return { kind, error, named }
  return named.length > 0 ? { kind: 'badRecords', error, named } : { kind, error }
}

/** Returns the records that the broker names (KIP-467). Ignores records that it names twice, and such as are not there. */
function namedRecords(
  { errorCode, errorMessage, recordErrors }: PartitionProduceResponse,
  count: number,
): NamedRecord[] {
  const info = brokerError(errorCode)
  const errors = new Map<string | null, BrokerError>()
  const named = new Map<number, NamedRecord>()
  for (const { batchIndex: index, batchIndexErrorMessage } of recordErrors) {
    if (index < 0 || index >= count || named.has(index)) continue
    // Kafka 2.4 gives one message for the whole batch.
    const detail = batchIndexErrorMessage ?? errorMessage
    const error = errors.get(detail) ?? new BrokerError(info, detail)
    errors.set(detail, error)
    named.set(index, { index, error })
  }
  return [...named.values()].sort((a, b) => a.index - b.index)
}

/** Returns the error of a response after which nothing that this producer sends can be written, or told from another producer's. */
function fatalError({ errorCode, errorMessage }: PartitionProduceResponse): Error | undefined {
  const fenced = errorCode === ErrorCode.PRODUCER_FENCED
  if (!fenced && !FORBIDDEN.includes(errorCode)) return undefined
  const error = new BrokerError(brokerError(errorCode), errorMessage)
  return fenced ? new ProducerFencedError(`another producer has taken over: ${error.message}`, { cause: error }) : error
}

const FORBIDDEN: readonly number[] = [
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
]

/** Codes with which a broker may name the new leader (KIP-951). */
const MOVED: readonly number[] = [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH]

/** Codes that say that the metadata of the partition, or of its leader, is stale. */
const STALE: readonly number[] = [
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REPLICA_NOT_AVAILABLE,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.LISTENER_NOT_FOUND,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
]

/** Whether the response, or its absence, is a reason to refresh metadata. */
export function saysStale(result: ProduceResult): boolean {
  if (result.kind === 'stored') return false
  return !(result.error instanceof BrokerError) || STALE.includes(result.error.code)
}
