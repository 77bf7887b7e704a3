import { ErrorCode } from '../../protocol/error-codes.js'
import {
  type Coordinator,
  CoordinatorType,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
} from '../../protocol/messages/find-coordinator.js'
import type { ClusterState, Handler } from '../state/cluster-state.js'

type Found = Omit<Coordinator, 'key'>

const NOBODY: Found = {
  errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
  errorMessage: null,
  nodeId: -1,
  host: '',
  port: -1,
}

/** All groups have one coordinator, each transactional id its own. */
export const handleFindCoordinator: Handler<FindCoordinatorRequest, FindCoordinatorResponse> = (
  { cluster },
  { key, keyType, coordinatorKeys },
  version,
) => {
  const keys = version >= 4 ? coordinatorKeys : [key]
  const coordinators = keys.map(id => ({ key: id, ...find(cluster, keyType, id) }))
  return { throttleTimeMs: 0, ...(coordinators[0] ?? NOBODY), coordinators }
}

function find(cluster: ClusterState, keyType: number, id: string): Found {
  const nodeId = coordinatorOf(cluster, keyType, id)
  const address = cluster.addresses.get(nodeId)
  return address === undefined ? NOBODY : { errorCode: ErrorCode.NONE, errorMessage: null, nodeId, ...address }
}

function coordinatorOf(cluster: ClusterState, keyType: number, id: string): number {
  if (keyType === CoordinatorType.TRANSACTION) return cluster.transactions.coordinator(id)
  return keyType === CoordinatorType.GROUP ? (cluster.nodes[0] ?? -1) : -1
}
