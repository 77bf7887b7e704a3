import type { Api } from '../protocol/api.js'
import { type ApiVersionsRequest, type ApiVersionsResponse, apiVersions } from '../protocol/api-versions.js'
import { createTopics } from '../protocol/create-topics.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { fetch } from '../protocol/fetch.js'
import { findCoordinator } from '../protocol/find-coordinator.js'
import { heartbeat } from '../protocol/heartbeat.js'
import { initProducerId } from '../protocol/init-producer-id.js'
import { joinGroup } from '../protocol/join-group.js'
import { leaveGroup } from '../protocol/leave-group.js'
import { listOffsets } from '../protocol/list-offsets.js'
import { metadata } from '../protocol/metadata.js'
import { offsetCommit } from '../protocol/offset-commit.js'
import { offsetFetch } from '../protocol/offset-fetch.js'
import { produce } from '../protocol/produce.js'
import { saslAuthenticate } from '../protocol/sasl-authenticate.js'
import { saslHandshake } from '../protocol/sasl-handshake.js'
import { syncGroup } from '../protocol/sync-group.js'
import type { ClusterState, Handler } from './cluster-state.js'
import { handleFetch, handleListOffsets } from './fetch-handlers.js'
import {
  handleFindCoordinator,
  handleHeartbeat,
  handleJoinGroup,
  handleLeaveGroup,
  handleOffsetCommit,
  handleOffsetFetch,
  handleSyncGroup,
} from './group-handlers.js'
import { handleCreateTopics, handleInitProducerId, handleMetadata } from './metadata-handlers.js'
import { handleProduce } from './produce-handler.js'
import { handleSaslAuthenticate, handleSaslHandshake } from './sasl-handlers.js'

/** An API, and what answers it. */
export interface Served {
  readonly api: Api<unknown, unknown>
  readonly handle: Handler<unknown, unknown>
}

function serve<Q, S>(api: Api<Q, S>, handle: Handler<Q, S>): Served {
  return { api, handle: handle as Handler<unknown, unknown> }
}

const handleApiVersions: Handler<ApiVersionsRequest, ApiVersionsResponse> = ({ cluster, authenticator }) => {
  authenticator.versionsTold()
  return { errorCode: ErrorCode.NONE, apiKeys: offeredVersions(cluster), throttleTimeMs: 0 }
}

/** Everything that the broker can be asked, by API key. */
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
