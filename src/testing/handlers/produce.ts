import { ErrorCode } from '../../protocol/error-codes.js'
import {
  type BatchIndexAndErrorMessage,
  type LeaderIdAndEpoch,
  NO_LEADER,
  type PartitionProduceResponse,
  type ProduceRequest,
  type ProduceResponse,
} from '../../protocol/messages/produce.js'
import { crc32c } from '../../protocol/records/crc32c.js'
import {
  ATTRIBUTES_OFFSET,
  CRC_OFFSET,
  MAX_TIMESTAMP_OFFSET,
  type RecordBatch,
} from '../../protocol/records/record-batch.js'
import type { Client, Handler } from '../state/cluster-state.js'
import { isTransactional } from '../state/control-batch.js'
import type { Fault } from '../state/faults.js'
import type { PartitionState } from '../state/partition.js'
import { peekBatch } from '../state/peek.js'
import type { TopicState } from '../state/topics.js'
import { checkBatch, TIMESTAMP_TYPE_BIT } from './batch-checks.js'
import { checkRecords } from './record-checks.js'
import { enterTransaction, requestFlaw } from './transactional-writes.js'

const ACKS = [-1, 0, 1]

/** The first version that names topics by id (KIP-516). Their names are in the request all the same: see `readRequest`. */
const BY_ID = 13

/** The result of one partition of a request. `rule` names the reason of a rejection: a check, or one of R2 to R9. */
type Result =
  | { readonly kind: 'appended'; readonly baseOffset: bigint }
  | { readonly kind: 'duplicate'; readonly rule: 'R1'; readonly baseOffset: bigint }
  | {
      readonly kind: 'rejected'
      readonly rule: string
      readonly errorCode: number
      readonly message?: string
      readonly recordErrors?: readonly BatchIndexAndErrorMessage[]
    }

/** Appends as a leader does whose followers are always in sync. */
export const handleProduce: Handler<ProduceRequest, ProduceResponse> = (client, request, version) => {
  const flaw = requestFlaw(request)
  const responses = request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index, records }) => {
      const topic = version >= BY_ID ? client.cluster.topics.byId(topicId) : client.cluster.topics.get(name)
      return produceOne(client, { request, flaw, version }, name, topic, index, records)
    }),
  }))
  const leaders = responses.flatMap(one => one.partitionResponses.map(({ currentLeader }) => currentLeader.leaderId))
  const nodeEndpoints = [...new Set(leaders)].flatMap(nodeId => {
    const address = client.cluster.addresses.get(nodeId)
    return address === undefined ? [] : [{ nodeId, ...address, rack: null }]
  })
  return { responses, throttleTimeMs: 0, nodeEndpoints }
}

interface Asked {
  readonly request: ProduceRequest
  readonly version: number
  /** What is wrong with the request as a whole. */
  readonly flaw: number
}

function produceOne(
  client: Client,
  asked: Asked,
  name: string,
  topic: TopicState | undefined,
  index: number,
  records: Uint8Array | null,
): PartitionProduceResponse {
  const { cluster, node, connection } = client
  const sent = peekBatch(name, index, records)
  const target = { api: 'Produce', node, parts: [sent], transactionalId: asked.request.transactionalId }
  const fault = cluster.faults.strike('partition', target)
  if (fault !== undefined) cluster.trace.add({ kind: 'fault', node, connection, fault })
  const result: Result =
    fault?.kind === 'error'
      ? { kind: 'rejected', rule: 'fault', errorCode: fault.code, recordErrors: namedBy(fault) }
      : decide(client, asked, topic, index, records)
  const { kind } = result
  const outcome = kind === 'rejected' ? { kind, rule: result.rule, errorCode: result.errorCode } : result
  cluster.trace.add({ ...outcome, node, connection, ...sent })
  return respond(client, topic, index, result, fault)
}

function decide(
  client: Client,
  { request, version, flaw }: Asked,
  topic: TopicState | undefined,
  index: number,
  records: Uint8Array | null,
): Result {
  const rejected = (rule: string, errorCode: number): Result => ({ kind: 'rejected', rule, errorCode })
  const partition = topic?.partitions[index]
  if (flaw !== ErrorCode.NONE) return rejected('transaction', flaw)
  if (topic === undefined && version >= BY_ID) return rejected('unknown', ErrorCode.UNKNOWN_TOPIC_ID)
  if (topic === undefined || partition === undefined) return rejected('unknown', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (!ACKS.includes(request.acks)) return rejected('acks', ErrorCode.INVALID_REQUIRED_ACKS)
  if (partition.leader !== client.node) return rejected('leader', ErrorCode.NOT_LEADER_OR_FOLLOWER)
  const refused = enterTransaction(client.cluster, request, topic.name, partition, records, version)
  if (refused !== ErrorCode.NONE) return rejected('transaction', refused)
  const batch = checkBatch(records, client.cluster.options.maxMessageBytes)
  if ('rule' in batch) return { kind: 'rejected', ...batch }
  const recordFlaw = checkRecords(topic, index, batch, client.cluster.now(), version)
  if (recordFlaw !== undefined) return { kind: 'rejected', ...recordFlaw }
  const judgement = batch.producerId < 0n ? ({ kind: 'append' } as const) : partition.producers.judge(batch)
  if (judgement.kind !== 'append') return judgement
  if (partition.transactions.isOpen(batch.producerId) && !isTransactional(batch)) {
    return rejected('transaction', ErrorCode.INVALID_TXN_STATE)
  }
  return { kind: 'appended', baseOffset: append(client, topic, partition, batch) }
}

function append(client: Client, topic: TopicState, partition: PartitionState, batch: RecordBatch): bigint {
  const stamped = topic.logAppendTime ? withAppendTime(batch, client.cluster.now()) : batch
  const baseOffset = partition.append(stamped)
  client.cluster.readable$.next()
  return baseOffset
}

function respond(
  { cluster }: Client,
  topic: TopicState | undefined,
  index: number,
  result: Result,
  fault: Fault | undefined,
): PartitionProduceResponse {
  const rejection = result.kind === 'rejected' ? result : undefined
  // A batch that is refused anyway keeps the reason that the broker has for it.
  const errorCode = rejection?.errorCode ?? (fault?.kind === 'errorAfterAppend' ? fault.code : ErrorCode.NONE)
  const stored = result.kind !== 'rejected' && errorCode === ErrorCode.NONE
  return {
    index,
    errorCode,
    baseOffset: stored ? result.baseOffset : -1n,
    logAppendTimeMs: stored && topic?.logAppendTime ? appendTime(cluster.now(), topic, index, result.baseOffset) : -1n,
    logStartOffset: stored ? (topic?.partitions[index]?.log.startOffset ?? -1n) : -1n,
    recordErrors: [...(rejection?.recordErrors ?? [])],
    errorMessage: rejection?.message ?? null,
    currentLeader: rejection?.rule === 'leader' ? currentLeader(topic?.partitions[index]) : NO_LEADER,
  }
}

/** What the broker knows of the partition's leader (KIP-951). */
function currentLeader(partition: PartitionState | undefined): LeaderIdAndEpoch {
  return partition === undefined ? NO_LEADER : { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch }
}

function namedBy({ recordErrors = [] }: Extract<Fault, { kind: 'error' }>): BatchIndexAndErrorMessage[] {
  return recordErrors.map(({ index, message }) => ({ batchIndex: index, batchIndexErrorMessage: message ?? null }))
}

/** Returns when the batch was appended: earlier, for a duplicate. */
function appendTime(now: number, topic: TopicState, index: number, baseOffset: bigint): bigint {
  const batches = topic.partitions[index]?.log.batches ?? []
  return batches.find(batch => batch.baseOffset === baseOffset)?.maxTimestamp ?? BigInt(now)
}

/** The batch as a topic stores it that uses the time of the append: timestamp type and time are set, and the CRC with them. */
function withAppendTime(batch: RecordBatch, now: number): RecordBatch {
  const bytes = Buffer.from(batch.bytes)
  bytes.writeInt16BE(batch.attributes | TIMESTAMP_TYPE_BIT, ATTRIBUTES_OFFSET)
  bytes.writeBigInt64BE(BigInt(now), MAX_TIMESTAMP_OFFSET)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET)
  return { ...batch, bytes }
}
