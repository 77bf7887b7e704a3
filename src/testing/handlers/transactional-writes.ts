import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProduceRequest } from '../../protocol/messages/produce.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { ClusterState } from '../state/cluster-state.js'
import type { PartitionState } from '../state/partition.js'
import { peekTransactional } from '../state/peek.js'
import type { Participant } from '../state/transaction.js'

/*
 * What a broker asks the coordinator before it appends something of a transaction (KIP-890; ReplicaManager, AddPartitionsToTxnManager):
 * whether it was added to the transaction or, on behalf of newer clients, that it be added. Kafka asks again for up to 100 ms when newer
 * clients would get CONCURRENT_TRANSACTIONS; here they get it at once.
 */

/** The first versions of Produce that know TRANSACTION_ABORTABLE, and that add partitions by themselves. */
const PRODUCE = { abortable: 11, adds: 12 }
/** The same of TxnOffsetCommit and groups. */
export const TXN_OFFSET_COMMIT: typeof PRODUCE = { abortable: 4, adds: 5 }

/** Asks the coordinator; returns the code that the client gets. */
export function enter(
  { transactions }: ClusterState,
  transactionalId: string,
  who: ProducerIdAndEpoch,
  participant: Participant,
  version: number,
  since: typeof PRODUCE,
): number {
  const errorCode =
    version >= since.adds
      ? transactions.addFor(transactionalId, who, participant)
      : transactions.verify(transactionalId, who, participant)
  if (errorCode === ErrorCode.PRODUCER_FENCED) return ErrorCode.INVALID_PRODUCER_EPOCH
  const abortable = errorCode === ErrorCode.TRANSACTION_ABORTABLE
  return abortable && version < since.abortable ? ErrorCode.INVALID_TXN_STATE : errorCode
}

/** Codes about the coordinator: older producers would not retry them. */
const PASSING: readonly number[] = [
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]

/** Returns why a batch can't be appended; NONE also for one that is of no transaction. */
export function enterTransaction(
  cluster: ClusterState,
  { transactionalId }: ProduceRequest,
  topic: string,
  partition: PartitionState,
  records: Uint8Array | null,
  version: number,
): number {
  const batch = peekTransactional(records)
  if (batch === undefined || batch.producerId < 0n || transactionalId === null) return ErrorCode.NONE
  const { producers, transactions, index } = partition
  const epoch = producers.epochOf(batch.producerId)
  if (batch.producerEpoch < epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
  if (transactions.isOpen(batch.producerId) && batch.producerEpoch === epoch) return ErrorCode.NONE
  producers.begins(batch, version >= PRODUCE.adds)
  const participant: Participant = { kind: 'partition', topic, partition: index }
  const errorCode = enter(cluster, transactionalId, batch, participant, version, PRODUCE)
  const concurrent = errorCode === ErrorCode.CONCURRENT_TRANSACTIONS && version < PRODUCE.adds
  return concurrent || PASSING.includes(errorCode) ? ErrorCode.NOT_ENOUGH_REPLICAS : errorCode
}

/** Returns what is wrong with the transactional batches of a request as a whole. */
export function requestFlaw({ transactionalId, topicData }: ProduceRequest): number {
  const batches = topicData
    .flatMap(({ partitionData }) => partitionData.map(({ records }) => peekTransactional(records)))
    .filter(batch => batch !== undefined)
  if (batches.length > 0 && transactionalId === null) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  const producers = new Set(
    batches.flatMap(({ producerId, producerEpoch }) => (producerId < 0n ? [] : [`${producerId}/${producerEpoch}`])),
  )
  return producers.size > 1 ? ErrorCode.INVALID_PRODUCER_ID_MAPPING : ErrorCode.NONE
}
