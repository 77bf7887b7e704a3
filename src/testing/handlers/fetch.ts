import { filter, map, merge, startWith, take, timer } from 'rxjs'
import { ErrorCode } from '../../protocol/error-codes.js'
import type { FetchPartition, FetchPartitionData, FetchRequest, FetchResponse } from '../../protocol/messages/fetch.js'
import {
  EARLIEST_TIMESTAMP,
  LATEST_TIMESTAMP,
  type ListOffsetsPartition,
  type ListOffsetsPartitionResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  MAX_TIMESTAMP,
} from '../../protocol/messages/list-offsets.js'
import type { Client, Handler } from '../state/cluster-state.js'
import { endOf } from '../state/log.js'
import type { PartitionState } from '../state/partition.js'

/** Answers when there are `minBytes` to read, when a partition can't be read, or when `maxWaitMs` are over. */
export const handleFetch: Handler<FetchRequest, FetchResponse> = (client, request) => {
  const { cluster } = client
  const over$ = timer(request.maxWaitMs, cluster.scheduler).pipe(map(() => true))
  const grown$ = cluster.readable$.pipe(map(() => false))
  return merge(over$, grown$).pipe(
    startWith(request.maxWaitMs <= 0),
    map(over => ({ over, response: read(client, request) })),
    filter(({ over, response }) => over || isEnough(response, request.minBytes)),
    map(({ response }) => response),
    take(1),
  )
}

function read(client: Client, request: FetchRequest): FetchResponse {
  let left = request.maxBytes
  const responses = request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(wanted => {
      // The first batch is given however large it is, or a small limit would never let anybody past it (KIP-74).
      const data = readOne(client, topic, wanted, left, left === request.maxBytes, isCommittedOnly(request))
      left -= data.records?.length ?? 0
      return data
    }),
  }))
  // No fetch sessions (KIP-227): session 0 tells the client to name its partitions each time.
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, sessionId: 0, responses }
}

/** Isolation level `read_committed`. */
function isCommittedOnly({ isolationLevel }: { readonly isolationLevel: number }): boolean {
  return isolationLevel === 1
}

function readOne(
  client: Client,
  topic: string,
  wanted: FetchPartition,
  maxBytes: number,
  atLeastOne: boolean,
  committedOnly: boolean,
): FetchPartitionData {
  const partition = client.cluster.topics.partition(topic, wanted.partition)
  const errorCode = readError(client, partition) ?? offsetError(partition!, wanted.fetchOffset)
  const nothing = { partitionIndex: wanted.partition, errorCode, abortedTransactions: null, preferredReadReplica: -1 }
  // As in Kafka, the response says nothing about a log that is not read, not even where it begins.
  if (partition === undefined || errorCode !== ErrorCode.NONE) {
    return { ...nothing, highWatermark: -1n, lastStableOffset: -1n, logStartOffset: -1n, records: Buffer.alloc(0) }
  }
  const { log, lastStableOffset, transactions } = partition
  const from = wanted.fetchOffset
  const to = committedOnly ? lastStableOffset : log.endOffset
  const batches = log.read(from, to, Math.min(maxBytes, wanted.partitionMaxBytes), atLeastOne)
  const last = batches.at(-1)
  return {
    ...nothing,
    highWatermark: log.endOffset,
    lastStableOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: committedOnly ? transactions.aborted(from, last === undefined ? from : endOf(last)) : null,
    records: Buffer.concat(batches.map(({ bytes }) => bytes)),
  }
}

function isEnough(response: FetchResponse, minBytes: number): boolean {
  const partitions = response.responses.flatMap(topic => topic.partitions)
  const bytes = partitions.reduce((sum, { records }) => sum + (records?.length ?? 0), 0)
  return bytes >= minBytes || partitions.some(({ errorCode }) => errorCode !== ErrorCode.NONE)
}

/** Why this node can't read the partition; undefined if it can. */
function readError(client: Client, partition: PartitionState | undefined): number | undefined {
  if (partition === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return partition.leader === client.node ? undefined : ErrorCode.NOT_LEADER_OR_FOLLOWER
}

function offsetError({ log }: PartitionState, offset: bigint): number {
  return offset < log.startOffset || offset > log.endOffset ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.NONE
}

export const handleListOffsets: Handler<ListOffsetsRequest, ListOffsetsResponse> = (client, request, version) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(wanted =>
      locate(client, client.cluster.topics.partition(name, wanted.partitionIndex), wanted, request, version),
    ),
  })),
})

function locate(
  client: Client,
  partition: PartitionState | undefined,
  wanted: ListOffsetsPartition,
  request: ListOffsetsRequest,
  version: number,
): ListOffsetsPartitionResponse {
  const at = (offset: bigint, timestamp: bigint, errorCode: number = ErrorCode.NONE): ListOffsetsPartitionResponse => ({
    partitionIndex: wanted.partitionIndex,
    errorCode,
    timestamp,
    offset,
    leaderEpoch: partition?.leaderEpoch ?? -1,
  })
  const lowest = version >= 7 ? MAX_TIMESTAMP : EARLIEST_TIMESTAMP
  if (wanted.timestamp < lowest) return at(-1n, -1n, ErrorCode.UNSUPPORTED_VERSION)
  const error = readError(client, partition)
  if (error !== undefined || partition === undefined) return at(-1n, -1n, error)
  const { log } = partition
  const end = isCommittedOnly(request) ? partition.lastStableOffset : log.endOffset
  if (wanted.timestamp === LATEST_TIMESTAMP) return at(end, -1n)
  if (wanted.timestamp === EARLIEST_TIMESTAMP) return at(log.startOffset, -1n)
  const found = wanted.timestamp === MAX_TIMESTAMP ? log.latest() : log.find(wanted.timestamp)
  return found === undefined || found.offset >= end ? at(-1n, -1n) : at(found.offset, found.timestamp)
}
