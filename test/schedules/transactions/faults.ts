import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { Fault, FaultRule } from '../../../src/testing/index.js'
import type { Random } from '../../support/random.js'

const { COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS } = ErrorCode

/** With these, somebody else is the coordinator, or not yet. */
const ELSEWHERE = [COORDINATOR_NOT_AVAILABLE, COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR]

/** What Kafka answers, by API, without having done anything: codes that pass, … */
const PASSING: Readonly<Record<string, readonly number[]>> = {
  FindCoordinator: [COORDINATOR_NOT_AVAILABLE],
  InitProducerId: [...ELSEWHERE, CONCURRENT_TRANSACTIONS],
  AddPartitionsToTxn: [...ELSEWHERE, CONCURRENT_TRANSACTIONS, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  AddOffsetsToTxn: [...ELSEWHERE, CONCURRENT_TRANSACTIONS],
  TxnOffsetCommit: [...ELSEWHERE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.REQUEST_TIMED_OUT],
  EndTxn: [...ELSEWHERE, CONCURRENT_TRANSACTIONS],
  OffsetFetch: [...ELSEWHERE, ErrorCode.UNSTABLE_OFFSET_COMMIT],
  Metadata: [ErrorCode.LEADER_NOT_AVAILABLE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  Produce: [
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.KAFKA_STORAGE_ERROR,
    CONCURRENT_TRANSACTIONS,
    COORDINATOR_LOAD_IN_PROGRESS,
  ],
}

/** … and codes with which the transaction can't be committed. */
const ABORTING: Readonly<Record<string, readonly number[]>> = {
  AddPartitionsToTxn: [
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTION_ABORTABLE,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ],
  AddOffsetsToTxn: [ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.TRANSACTION_ABORTABLE],
  TxnOffsetCommit: [
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ErrorCode.ILLEGAL_GENERATION,
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.TRANSACTION_ABORTABLE,
  ],
  // Those that store a position.
  OffsetFetch: [ErrorCode.GROUP_AUTHORIZATION_FAILED, ErrorCode.UNKNOWN_SERVER_ERROR],
  Produce: [
    ErrorCode.TRANSACTION_ABORTABLE,
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode.UNKNOWN_PRODUCER_ID,
    ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.INVALID_RECORD,
    ErrorCode.CORRUPT_MESSAGE,
  ],
}

/** What Kafka may answer though it has done, or will do, what was asked. */
const AFTERWARDS: Readonly<Record<string, readonly number[]>> = {
  InitProducerId: [NOT_COORDINATOR, COORDINATOR_NOT_AVAILABLE],
  AddPartitionsToTxn: ELSEWHERE,
  AddOffsetsToTxn: ELSEWHERE,
  TxnOffsetCommit: [...ELSEWHERE, ErrorCode.REQUEST_TIMED_OUT],
  EndTxn: ELSEWHERE,
  Produce: [
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NETWORK_EXCEPTION,
  ],
}

const APIS = Object.keys(PASSING)

/** Which APIs the version of the protocol uses: a fault that never strikes proves nothing. */
function apisOf(version: 1 | 2): string[] {
  const unused = version === 2 ? ['AddOffsetsToTxn'] : []
  return APIS.filter(api => !unused.includes(api))
}

export function ruleOf(random: Random, version: 1 | 2, nodes: number): FaultRule {
  const api = random.chance(0.35) ? 'Produce' : random.pick(apisOf(version))
  const fault = faultOf(random, api)
  return {
    api,
    fault,
    ...(random.chance(0.1) && { node: random.int(1, nodes) }),
    ...(random.chance(0.4) && { after: random.int(0, api === 'Produce' ? 8 : 3) }),
    ...(random.chance(0.4) && { times: random.chance(0.1) ? 50 : random.int(1, 5) }),
  }
}

function faultOf(random: Random, api: string): Fault {
  const kind = random.next()
  if (kind < 0.25) return { kind: 'error', code: random.pick(PASSING[api]!) }
  if (kind < 0.35 && ABORTING[api] !== undefined) return { kind: 'error', code: random.pick(ABORTING[api]) }
  if (kind < 0.5 && AFTERWARDS[api] !== undefined)
    return { kind: 'errorAfterAppend', code: random.pick(AFTERWARDS[api]) }
  if (kind < 0.6 && api === 'EndTxn') return { kind: 'slowMarkers', ms: random.int(1, 2000) }
  switch (random.int(0, 8)) {
    case 0:
      return { kind: 'delay', ms: random.int(1, 3000) }
    case 1:
      return { kind: 'neverAnswer' }
    case 2:
    case 3:
    case 4:
      return { kind: 'appendThenDrop' }
    case 5:
      return { kind: 'dropBeforeAppend' }
    case 6:
      return { kind: 'cutReply', atByte: random.int(0, 40) }
    case 7:
      return { kind: 'throttle', ms: random.int(1, 500) }
    default:
      return { kind: 'carryOutLate', ms: random.int(1, 4000) }
  }
}
