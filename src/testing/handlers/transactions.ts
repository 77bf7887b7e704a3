import { ErrorCode } from '../../protocol/error-codes.js'
import type { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../../protocol/messages/add-offsets-to-txn.js'
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
} from '../../protocol/messages/add-partitions-to-txn.js'
import type { EndTxnRequest, EndTxnResponse } from '../../protocol/messages/end-txn.js'
import type { InitProducerIdRequest, InitProducerIdResponse } from '../../protocol/messages/init-producer-id.js'
import type { Handler } from '../state/cluster-state.js'
import { partitionFaults } from './partition-faults.js'

/*
 * What a transaction coordinator is asked by producers (KIP-98). Older versions of the requests do not know PRODUCER_FENCED (KIP-588),
 * and get the code that it has taken the place of.
 */

function known(errorCode: number, version: number, since: number): number {
  return errorCode === ErrorCode.PRODUCER_FENCED && version < since ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode
}

export const handleInitProducerId: Handler<InitProducerIdRequest, InitProducerIdResponse> = (
  { cluster, node },
  { transactionalId, transactionTimeoutMs, producerId, producerEpoch },
  version,
) => {
  const throttleTimeMs = 0
  if ((producerId === -1n) !== (producerEpoch === -1)) {
    return { throttleTimeMs, errorCode: ErrorCode.INVALID_REQUEST, producerId: -1n, producerEpoch: -1 }
  }
  if (transactionalId === null) {
    return { throttleTimeMs, errorCode: ErrorCode.NONE, producerId: cluster.nextProducerId(), producerEpoch: 0 }
  }
  const before = producerId === -1n ? undefined : { producerId, producerEpoch }
  const answer = cluster.transactions.init(node, transactionalId, before, transactionTimeoutMs)
  return { throttleTimeMs, ...answer, errorCode: known(answer.errorCode, version, 4) }
}

/** All partitions are added, or none. */
export const handleAddPartitionsToTxn: Handler<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = (
  client,
  request,
  version,
) => {
  const { cluster, node } = client
  const { v3AndBelowTransactionalId: id, v3AndBelowProducerId, v3AndBelowProducerEpoch, v3AndBelowTopics } = request
  const named = v3AndBelowTopics.flatMap(({ name: topic, partitions }) =>
    partitions.map(partition => ({ kind: 'partition', topic, partition }) as const),
  )
  const faults = partitionFaults(client, 'AddPartitionsToTxn', id, named)
  const isMissing = (topic: string, partition: number): boolean =>
    cluster.topics.partition(topic, partition) === undefined
  const prevented = named.some(one => isMissing(one.topic, one.partition) || faults.prevents(one.topic, one.partition))
  const who = { producerId: v3AndBelowProducerId, producerEpoch: v3AndBelowProducerEpoch }
  const ofAll = prevented
    ? ErrorCode.OPERATION_NOT_ATTEMPTED
    : known(cluster.transactions.add(node, id, who, named), version, 2)
  const codeOf = (topic: string, partition: number): number =>
    faults.codeOf(topic, partition) ?? (isMissing(topic, partition) ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ofAll)
  return {
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map(partitionIndex => ({
        partitionIndex,
        partitionErrorCode: codeOf(name, partitionIndex),
      })),
    })),
  }
}

export const handleAddOffsetsToTxn: Handler<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> = (
  { cluster, node },
  { transactionalId, groupId, ...who },
  version,
) => {
  const errorCode = cluster.transactions.add(node, transactionalId, who, [{ kind: 'group', groupId }])
  return { throttleTimeMs: 0, errorCode: known(errorCode, version, 2) }
}

/** The first version that gives the next epoch: with it each transaction has its own (KIP-890). */
const EPOCH_BUMP = 5

export const handleEndTxn: Handler<EndTxnRequest, EndTxnResponse> = (
  { cluster, node },
  { transactionalId, committed, ...who },
  version,
) => {
  const protocol = version >= EPOCH_BUMP ? 'epoch bump' : 'classic'
  const answer = cluster.transactions.end(node, transactionalId, who, committed, protocol)
  return { throttleTimeMs: 0, ...answer, errorCode: known(answer.errorCode, version, 2) }
}
