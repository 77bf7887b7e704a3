import { ErrorCode } from '../../protocol/error-codes.js'
import { addOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.js'
import { addPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.js'
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersions,
  type FinalizedFeatureKey,
} from '../../protocol/messages/api-versions.js'
import { createTopics } from '../../protocol/messages/create-topics.js'
import { endTxn } from '../../protocol/messages/end-txn.js'
import { fetch } from '../../protocol/messages/fetch.js'
import { findCoordinator } from '../../protocol/messages/find-coordinator.js'
import { heartbeat } from '../../protocol/messages/heartbeat.js'
import { initProducerId } from '../../protocol/messages/init-producer-id.js'
import { joinGroup } from '../../protocol/messages/join-group.js'
import { leaveGroup } from '../../protocol/messages/leave-group.js'
import { listOffsets } from '../../protocol/messages/list-offsets.js'
import { metadata } from '../../protocol/messages/metadata.js'
import { offsetCommit } from '../../protocol/messages/offset-commit.js'
import { offsetFetch } from '../../protocol/messages/offset-fetch.js'
import { produce } from '../../protocol/messages/produce.js'
import { saslAuthenticate } from '../../protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../../protocol/messages/sasl-handshake.js'
import { syncGroup } from '../../protocol/messages/sync-group.js'
import { txnOffsetCommit } from '../../protocol/messages/txn-offset-commit.js'
import type { Api } from '../../protocol/wire/api.js'
import type { ClusterState, Handler } from '../state/cluster-state.js'
import { handleFetch, handleListOffsets } from './fetch.js'
import { handleFindCoordinator } from './find-coordinator.js'
import {
  handleHeartbeat,
  handleJoinGroup,
  handleLeaveGroup,
  handleOffsetCommit,
  handleOffsetFetch,
  handleSyncGroup,
} from './groups.js'
import { handleCreateTopics, handleMetadata } from './metadata.js'
import { handleProduce } from './produce.js'
import { handleSaslAuthenticate, handleSaslHandshake } from './sasl.js'
import { handleAddOffsetsToTxn, handleAddPartitionsToTxn, handleEndTxn, handleInitProducerId } from './transactions.js'
import { handleTxnOffsetCommit } from './txn-offsets.js'

/** An API, and what answers it. */
export interface Served {
  readonly api: Api<unknown, unknown>
  readonly handle: Handler<unknown, unknown>
}

function serve<Q, S>(api: Api<Q, S>, handle: Handler<Q, S>): Served {
  return { api, handle: handle as Handler<unknown, unknown> }
}

/** What Kafka takes for the name and the version of a client library (KIP-511). */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

const handleApiVersions: Handler<ApiVersionsRequest, ApiVersionsResponse> = (
  { cluster, authenticator },
  { clientSoftwareName, clientSoftwareVersion },
  version,
) => {
  authenticator.versionsTold()
  if (version >= 3 && !(SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion))) {
    return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [], throttleTimeMs: 0, finalizedFeatures: [] }
  }
  const finalizedFeatures = featuresOf(cluster)
  return { errorCode: ErrorCode.NONE, apiKeys: offeredVersions(cluster), throttleTimeMs: 0, finalizedFeatures }
}

/** The features in force (KIP-584); a feature of level 0 is not listed. */
function featuresOf({ options: { transactionVersion: level } }: ClusterState): FinalizedFeatureKey[] {
  return level === 0 ? [] : [{ name: 'transaction.version', maxVersionLevel: level, minVersionLevel: level }]
}

/** Every API of the broker, by API key, with its handler. */
export const served: ReadonlyMap<number, Served> = new Map(
  [
    serve(produce, handleProduce),
    serve(fetch, handleFetch),
    serve(listOffsets, handleListOffsets),
    serve(metadata, handleMetadata),
    serve(offsetCommit, handleOffsetCommit),
    serve(offsetFetch, handleOffsetFetch),
    serve(findCoordinator, handleFindCoordinator),
    serve(joinGroup, handleJoinGroup),
    serve(heartbeat, handleHeartbeat),
    serve(leaveGroup, handleLeaveGroup),
    serve(syncGroup, handleSyncGroup),
    serve(saslHandshake, handleSaslHandshake),
    serve(apiVersions, handleApiVersions),
    serve(createTopics, handleCreateTopics),
    serve(initProducerId, handleInitProducerId),
    serve(addPartitionsToTxn, handleAddPartitionsToTxn),
    serve(addOffsetsToTxn, handleAddOffsetsToTxn),
    serve(endTxn, handleEndTxn),
    serve(txnOffsetCommit, handleTxnOffsetCommit),
    serve(saslAuthenticate, handleSaslAuthenticate),
  ].map(entry => [entry.api.key, entry]),
)

export const servedNames: readonly string[] = [...served.values()].map(({ api }) => api.name)

/** @throws RangeError when the option names an API that is not there, or versions of which none can be spoken. */
export function checkApiVersions(wanted: ClusterState['options']['apiVersions']): void {
  for (const [name, [min, max]] of Object.entries(wanted)) {
    const entry = [...served.values()].find(({ api }) => api.name === name)
    if (entry === undefined) {
      throw new RangeError(`option \`apiVersions\` names '${name}', but there are only ${servedNames.join(', ')}`)
    }
    const { minVersion, maxVersion } = entry.api
    if (max < min || max < minVersion || min > maxVersion) {
      const spoken = `${minVersion} to ${maxVersion} can be spoken`
      throw new RangeError(`option \`apiVersions\` offers ${name} ${min} to ${max}, but ${spoken}`)
    }
  }
}

/** The versions that this cluster offers: what can be spoken, or less where its options say so. */
export function offeredVersions(cluster: ClusterState): ApiVersionsResponse['apiKeys'] {
  return [...served.values()].map(({ api }) => {
    const [min, max] = cluster.options.apiVersions[api.name] ?? [api.minVersion, api.maxVersion]
    return { apiKey: api.key, minVersion: Math.max(min, api.minVersion), maxVersion: Math.min(max, api.maxVersion) }
  })
}
