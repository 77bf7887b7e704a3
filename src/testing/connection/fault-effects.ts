import { ErrorCode } from '../../protocol/error-codes.js'
import type { CreateTopicsRequest, CreateTopicsResponse } from '../../protocol/messages/create-topics.js'
import type { FetchRequest, FetchResponse } from '../../protocol/messages/fetch.js'
import type { FindCoordinatorResponse } from '../../protocol/messages/find-coordinator.js'
import type { ListOffsetsResponse } from '../../protocol/messages/list-offsets.js'
import type { MetadataRequest, MetadataResponse, MetadataResponseTopic } from '../../protocol/messages/metadata.js'
import type { ProduceResponse } from '../../protocol/messages/produce.js'
import type { Fault } from '../state/faults.js'
import type { DeletedTopic, Topics } from '../state/topics.js'

/** Applies a fault to a request before it is carried out: a request that fails must leave nothing behind. */
export function faultyRequest(fault: Fault | undefined, api: string, request: unknown): unknown {
  // A broker that has not heard of a deletion does not create the topic.
  if (fault?.kind === 'staleMetadata') return { ...(request as MetadataRequest), allowAutoTopicCreation: false }
  if (fault?.kind !== 'error') return request
  if (api === 'Metadata') return { ...(request as MetadataRequest), allowAutoTopicCreation: false }
  if (api === 'CreateTopics') return { ...(request as CreateTopicsRequest), validateOnly: true }
  if (api === 'Fetch') return { ...(request as FetchRequest), maxWaitMs: 0 }
  return request
}

/** The answer to a request that a fault keeps from being carried out. Undefined: it needs what the handler makes of it. */
export function answerInstead(fault: Fault | undefined, api: string): unknown {
  if (fault?.kind !== 'error' || !ALL_CODE.includes(api)) return undefined
  return { throttleTimeMs: 0, errorCode: fault.code, producerId: -1n, producerEpoch: -1 }
}

/** The APIs of transactions whose answer is nothing but a code if they fail. */
const ALL_CODE = ['InitProducerId', 'AddOffsetsToTxn', 'EndTxn']

/** Applies a fault to a response. */
export function faultyResponse(fault: Fault | undefined, api: string, response: unknown, topics: Topics): unknown {
  switch (fault?.kind) {
    case 'error':
    case 'errorAfterAppend':
      return failed(api, response, fault.code)
    case 'throttle':
      return { ...(response as object), throttleTimeMs: fault.ms }
    case 'staleMetadata':
      return withFormerLeaders(response as MetadataResponse, topics)
    case 'answerEntries':
      return withEntries(response as ProduceResponse, fault.change)
    default:
      return response
  }
}

/** An answer of this API that says nothing but the code. */
function failed(api: string, response: unknown, errorCode: number): unknown {
  switch (api) {
    case 'Metadata': {
      const metadata = response as MetadataResponse
      // KIP-1102: this code is about the client, not about a topic.
      if (errorCode === ErrorCode.REBOOTSTRAP_REQUIRED) return { ...metadata, errorCode, brokers: [], topics: [] }
      return { ...metadata, topics: metadata.topics.map(topic => ({ ...topic, errorCode, partitions: [] })) }
    }
    case 'CreateTopics': {
      const created = response as CreateTopicsResponse
      return { ...created, topics: created.topics.map(topic => ({ ...topic, errorCode, errorMessage: null })) }
    }
    case 'Fetch': {
      const nothing = { errorCode, highWatermark: -1n, lastStableOffset: -1n, logStartOffset: -1n, records: null }
      const fetched = response as FetchResponse
      const responses = fetched.responses.map(topic => ({
        ...topic,
        partitions: topic.partitions.map(partition => ({ ...partition, ...nothing })),
      }))
      return { ...fetched, responses }
    }
    case 'ListOffsets': {
      const nothing = { errorCode, timestamp: -1n, offset: -1n, leaderEpoch: -1 }
      const listed = response as ListOffsetsResponse
      const topics = listed.topics.map(topic => ({
        ...topic,
        partitions: topic.partitions.map(partition => ({ ...partition, ...nothing })),
      }))
      return { ...listed, topics }
    }
    case 'FindCoordinator': {
      const nobody = { errorCode, nodeId: -1, host: '', port: -1 }
      const found = response as FindCoordinatorResponse
      return { ...found, ...nobody, coordinators: found.coordinators.map(one => ({ ...one, ...nobody })) }
    }
    case 'InitProducerId':
    case 'EndTxn':
      return { ...(response as object), errorCode, producerId: -1n, producerEpoch: -1 }
    default:
      return { ...(response as object), errorCode }
  }
}

/** Describes the topics as before the last move of each partition and the last deletion of each topic. */
function withFormerLeaders(response: MetadataResponse, topics: Topics): MetadataResponse {
  const stale = response.topics.map(topic => {
    const deleted = topics.deleted(topic.name ?? '')
    return deleted === undefined ? withFormerLeadersOf(topic, topics) : asBefore(topic, deleted)
  })
  return { ...response, topics: stale }
}

function asBefore(topic: MetadataResponseTopic, { id, partitions }: DeletedTopic): MetadataResponseTopic {
  return {
    ...topic,
    errorCode: ErrorCode.NONE,
    topicId: id,
    partitions: partitions.map(({ index, leader, leaderEpoch }) => ({
      errorCode: leader === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
      partitionIndex: index,
      leaderId: leader,
      leaderEpoch,
      replicaNodes: [leader],
      isrNodes: [leader],
      offlineReplicas: [],
    })),
  }
}

function withFormerLeadersOf(topic: MetadataResponseTopic, topics: Topics): MetadataResponseTopic {
  return {
    ...topic,
    partitions: topic.partitions.map(partition => {
      const { formerLeader, leaderEpoch } = topics.partition(topic.name ?? '', partition.partitionIndex)!
      const errorCode = formerLeader === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE
      return { ...partition, errorCode, leaderId: formerLeader, leaderEpoch: Math.max(0, leaderEpoch - 1) }
    }),
  }
}

type Change = (Fault & { kind: 'answerEntries' })['change']

function withEntries(response: ProduceResponse, change: Change): ProduceResponse {
  const [topic, ...topics] = response.responses
  const [entry, ...entries] = topic?.partitionResponses ?? []
  if (topic === undefined || entry === undefined) return response
  const first = (partitionResponses: typeof entries): ProduceResponse => ({
    ...response,
    responses: [{ ...topic, partitionResponses }, ...topics],
  })
  switch (change) {
    case 'omit':
      return first(entries)
    case 'duplicate':
      return first([entry, ...entries, { ...entry, baseOffset: entry.baseOffset + 1000n }])
    case 'invent':
      return first([{ ...entry, index: entry.index + 1_000_000 }, entry, ...entries])
    case 'reverse': {
      const reversed = response.responses.map(one => ({
        ...one,
        partitionResponses: [...one.partitionResponses].reverse(),
      }))
      return { ...response, responses: reversed.reverse() }
    }
  }
}
