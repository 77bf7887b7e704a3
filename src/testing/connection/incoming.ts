import { describe } from '../../errors.js'
import type { AddPartitionsToTxnRequest } from '../../protocol/messages/add-partitions-to-txn.js'
import { type ApiVersionsRequest, apiVersions } from '../../protocol/messages/api-versions.js'
import type { CreateTopicsRequest } from '../../protocol/messages/create-topics.js'
import type { FetchRequest } from '../../protocol/messages/fetch.js'
import { CoordinatorType, type FindCoordinatorRequest } from '../../protocol/messages/find-coordinator.js'
import type { ListOffsetsRequest } from '../../protocol/messages/list-offsets.js'
import type { MetadataRequest } from '../../protocol/messages/metadata.js'
import type { OffsetFetchRequest } from '../../protocol/messages/offset-fetch.js'
import { type ProduceRequest, produce } from '../../protocol/messages/produce.js'
import type { TxnOffsetCommitRequest } from '../../protocol/messages/txn-offset-commit.js'
import { decodeRequestBody, decodeRequestHeader } from '../../protocol/wire/message.js'
import { offeredVersions, type Served, served } from '../handlers/apis.js'
import type { ClusterState } from '../state/cluster-state.js'
import type { FaultPart } from '../state/faults.js'
import { peekBatch, type SentBatch } from '../state/peek.js'

/** A request that has come and waits for its turn. */
export interface Incoming {
  readonly served: Served
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Undefined: an ApiVersions request of an unsupported version, which is still answered (KIP-511). */
  readonly request: unknown
}

/** A request that this broker does not accept. As in Kafka, it ends the connection when its turn comes. */
export interface Refused {
  readonly reason: string
}

/** Reads a frame. Never throws: what is wrong with it must not overtake the requests before it. */
export function readRequest(cluster: ClusterState, frame: Buffer): Incoming | Refused {
  try {
    const { apiKey, apiVersion: version, correlationId, clientId, bodyOffset } = decodeRequestHeader(frame)
    const entry = served.get(apiKey)
    const range = offeredVersions(cluster).find(offered => offered.apiKey === apiKey)
    if (entry === undefined || range === undefined) return { reason: `API key ${apiKey} is not known` }
    const spoken = version >= range.minVersion && version <= range.maxVersion
    if (!spoken && apiKey !== apiVersions.key) {
      return { reason: `${entry.api.name} version ${version} is not supported` }
    }
    const request = spoken ? decodeRequestBody(entry.api, version, frame, bodyOffset) : undefined
    if (request !== undefined && apiKey === produce.key) nameTopics(cluster, request as ProduceRequest)
    return { served: entry, version, correlationId, clientId, request }
  } catch (error) {
    return { reason: describe(error) }
  }
}

/** Traces and faults know topics by name; from version 13 on, the request has their ids. */
function nameTopics({ topics }: ClusterState, { topicData }: ProduceRequest): void {
  for (const topic of topicData) if (topic.name === '') topic.name = topics.nameOf(topic.topicId)
}

/** Returns the batches of a produce request; none for any other request. */
export function batchesOf({ served, request }: Incoming): SentBatch[] {
  if (served.api.key !== produce.key) return []
  return (request as ProduceRequest).topicData.flatMap(({ name, partitionData }) =>
    partitionData.map(({ index, records }) => peekBatch(name, index, records)),
  )
}

/** Returns what an ApiVersions request says of the client library (KIP-511); nothing for any other request. */
export function softwareOf({ served, request, version }: Incoming): { software?: { name: string; version: string } } {
  if (served.api.key !== apiVersions.key || request === undefined || version < 3) return {}
  const { clientSoftwareName, clientSoftwareVersion } = request as ApiVersionsRequest
  return { software: { name: clientSoftwareName, version: clientSoftwareVersion } }
}

/** The topics and partitions that a request names. */
export function partsOf(incoming: Incoming): readonly FaultPart[] {
  const { request, served } = incoming
  switch (served.api.name) {
    case 'Produce':
      return batchesOf(incoming)
    case 'Fetch':
      return (request as FetchRequest).topics.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition }) => ({ topic, partition })),
      )
    case 'ListOffsets':
      return (request as ListOffsetsRequest).topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
      )
    case 'Metadata':
      return ((request as MetadataRequest).topics ?? []).flatMap(({ name }) => (name === null ? [] : [{ topic: name }]))
    case 'CreateTopics':
      return (request as CreateTopicsRequest).topics.map(({ name }) => ({ topic: name }))
    case 'AddPartitionsToTxn':
      return (request as AddPartitionsToTxnRequest).v3AndBelowTopics.flatMap(({ name, partitions }) =>
        partitions.map(partition => ({ topic: name, partition })),
      )
    case 'TxnOffsetCommit':
      return (request as TxnOffsetCommitRequest).topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
      )
    case 'OffsetFetch':
      return ((request as OffsetFetchRequest).topics ?? []).flatMap(({ name, partitionIndexes }) =>
        partitionIndexes.map(partition => ({ topic: name, partition })),
      )
    default:
      return []
  }
}

/** The transactional id that a request is about. */
export function transactionalIdOf({ request, served }: Incoming): string | null {
  switch (served.api.name) {
    case 'FindCoordinator': {
      const { keyType, key, coordinatorKeys } = request as FindCoordinatorRequest
      return keyType === CoordinatorType.TRANSACTION ? (coordinatorKeys[0] ?? key) : null
    }
    case 'AddPartitionsToTxn':
      return (request as AddPartitionsToTxnRequest).v3AndBelowTransactionalId
    default:
      return (request as { transactionalId?: string | null }).transactionalId ?? null
  }
}

/** What producers have carried out, whether or not they wait for the answer. */
const WRITES = ['Produce', 'InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn']

/** Whether a request changes something when it is carried out after its connection has ended. */
export function isWrite({ served, request }: Incoming): boolean {
  return WRITES.includes(served.api.name) && request !== undefined
}
