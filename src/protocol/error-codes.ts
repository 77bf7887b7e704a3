/*
 * Every error code of Kafka's protocol, up to Kafka 4.1: code, whether the same request can succeed later, and what it
 * means. `retriable` is what Kafka's own client holds; a producer that keeps sequences must treat some codes by hand
 * (OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID, DUPLICATE_SEQUENCE_NUMBER).
 */
const table = {
  UNKNOWN_SERVER_ERROR: [-1, false, 'The broker failed in a way it has no code for; its log says more.'],
  NONE: [0, false, 'No error.'],
  OFFSET_OUT_OF_RANGE: [1, false, 'The log of the partition does not hold this offset.'],
  CORRUPT_MESSAGE: [2, true, 'A batch has a false CRC or size, or a record without a key for a compacted topic.'],
  UNKNOWN_TOPIC_OR_PARTITION: [3, true, 'The broker does not host this topic or partition.'],
  INVALID_FETCH_SIZE: [4, false, 'The size asked for in a fetch is not valid.'],
  LEADER_NOT_AVAILABLE: [5, true, 'The partition has no leader at the moment.'],
  NOT_LEADER_OR_FOLLOWER: [6, true, 'The broker is not, or is no longer, the leader of this partition.'],
  REQUEST_TIMED_OUT: [7, true, 'The broker could not finish the request within the time that it was given.'],
  BROKER_NOT_AVAILABLE: [8, false, 'The broker is not available.'],
  REPLICA_NOT_AVAILABLE: [9, true, 'The broker has no replica of this partition at the moment.'],
  MESSAGE_TOO_LARGE: [10, false, "The record batch is larger than the topic's max.message.bytes."],
  STALE_CONTROLLER_EPOCH: [11, false, 'The controller has moved to another broker.'],
  OFFSET_METADATA_TOO_LARGE: [12, false, 'The text that goes with a committed offset is too long.'],
  NETWORK_EXCEPTION: [13, true, 'The broker lost the connection to another broker before it was answered.'],
  COORDINATOR_LOAD_IN_PROGRESS: [14, true, 'The coordinator is still loading its state.'],
  COORDINATOR_NOT_AVAILABLE: [15, true, 'There is no coordinator at the moment.'],
  NOT_COORDINATOR: [16, true, 'The broker is not, or is no longer, the coordinator for this id.'],
  INVALID_TOPIC_EXCEPTION: [17, false, 'The topic name is not valid, or the topic cannot be used this way.'],
  RECORD_LIST_TOO_LARGE: [18, false, "The record batch is larger than the topic's segment.bytes."],
  NOT_ENOUGH_REPLICAS: [19, true, 'Fewer replicas are in sync than min.insync.replicas wants; nothing was appended.'],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: [
    20,
    true,
    'The records were appended, but fewer replicas are in sync than min.insync.replicas wants.',
  ],
  INVALID_REQUIRED_ACKS: [21, false, 'Acks must be 0, 1 or -1 (all).'],
  ILLEGAL_GENERATION: [22, false, 'The generation of the group is not the current one.'],
  INCONSISTENT_GROUP_PROTOCOL: [23, false, 'The member shares no protocol with the others of its group.'],
  INVALID_GROUP_ID: [24, false, 'The group id is not valid.'],
  UNKNOWN_MEMBER_ID: [25, false, 'The coordinator does not know this member of the group.'],
  INVALID_SESSION_TIMEOUT: [26, false, 'The session timeout is outside of the limits that the broker sets.'],
  REBALANCE_IN_PROGRESS: [27, false, 'The group is rebalancing: its members must join again.'],
  INVALID_COMMIT_OFFSET_SIZE: [28, false, 'The offsets to commit are too large to be stored.'],
  TOPIC_AUTHORIZATION_FAILED: [29, false, 'The client may not use this topic.'],
  GROUP_AUTHORIZATION_FAILED: [30, false, 'The client may not use this group.'],
  CLUSTER_AUTHORIZATION_FAILED: [31, false, 'The client lacks a permission on the cluster, such as IdempotentWrite.'],
  INVALID_TIMESTAMP: [32, false, 'The timestamp of a record is further from now than the topic allows.'],
  UNSUPPORTED_SASL_MECHANISM: [33, false, 'The broker does not offer this SASL mechanism.'],
  ILLEGAL_SASL_STATE: [34, false, 'The request does not fit the state of the authentication.'],
  UNSUPPORTED_VERSION: [35, false, 'The broker does not know this version of the request.'],
  TOPIC_ALREADY_EXISTS: [36, false, 'A topic of this name exists already.'],
  INVALID_PARTITIONS: [37, false, 'The number of partitions is not valid.'],
  INVALID_REPLICATION_FACTOR: [38, false, 'The replication factor is below 1 or above the number of brokers.'],
  INVALID_REPLICA_ASSIGNMENT: [39, false, 'The assignment of replicas is not valid.'],
  INVALID_CONFIG: [40, false, 'A setting is not valid.'],
  NOT_CONTROLLER: [41, true, 'The broker is not the controller.'],
  INVALID_REQUEST: [42, false, 'The broker could not accept the request as it stands; its log says more.'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [43, false, 'The message format of the topic is too old for this request.'],
  POLICY_VIOLATION: [44, false, 'A policy that is configured on the broker refused the request.'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [45, false, 'The sequence is not the one that follows the last one of this producer.'],
  DUPLICATE_SEQUENCE_NUMBER: [46, false, 'The records of this sequence are stored already.'],
  INVALID_PRODUCER_EPOCH: [47, false, 'A newer epoch of this producer id has written already.'],
  INVALID_TXN_STATE: [48, false, 'The transaction is not in a state that allows this.'],
  INVALID_PRODUCER_ID_MAPPING: [49, false, 'The producer id does not belong to this transactional id.'],
  INVALID_TRANSACTION_TIMEOUT: [50, false, "The transaction timeout is above the broker's transaction.max.timeout.ms."],
  CONCURRENT_TRANSACTIONS: [51, true, 'Another operation on this transaction has not finished yet.'],
  TRANSACTION_COORDINATOR_FENCED: [52, false, 'The transaction coordinator has been replaced by a newer one.'],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [53, false, 'The client may not use this transactional id.'],
  SECURITY_DISABLED: [54, false, 'The broker has no authorizer, so there are no permissions to manage.'],
  OPERATION_NOT_ATTEMPTED: [55, false, 'Not tried, because another operation of the same request failed.'],
  KAFKA_STORAGE_ERROR: [56, true, 'The broker could not use the disk of this partition.'],
  LOG_DIR_NOT_FOUND: [57, false, 'The broker has no such log directory.'],
  SASL_AUTHENTICATION_FAILED: [58, false, 'The broker refused the credentials.'],
  UNKNOWN_PRODUCER_ID: [59, false, 'The broker has no state for this producer id, its records may have been deleted.'],
  REASSIGNMENT_IN_PROGRESS: [60, false, 'The partition is being moved to other brokers.'],
  DELEGATION_TOKEN_AUTH_DISABLED: [61, false, 'The broker does not offer delegation tokens.'],
  DELEGATION_TOKEN_NOT_FOUND: [62, false, 'The broker does not know this delegation token.'],
  DELEGATION_TOKEN_OWNER_MISMATCH: [63, false, 'The delegation token belongs to somebody else.'],
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: [64, false, 'Delegation tokens cannot be requested over this connection.'],
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: [65, false, 'The client may not use this delegation token.'],
  DELEGATION_TOKEN_EXPIRED: [66, false, 'The delegation token has expired.'],
  INVALID_PRINCIPAL_TYPE: [67, false, 'The type of the principal is not supported.'],
  NON_EMPTY_GROUP: [68, false, 'The group still has members.'],
  GROUP_ID_NOT_FOUND: [69, false, 'There is no such group.'],
  FETCH_SESSION_ID_NOT_FOUND: [70, true, 'The broker does not know this fetch session.'],
  INVALID_FETCH_SESSION_EPOCH: [71, true, 'The epoch of the fetch session is not the expected one.'],
  LISTENER_NOT_FOUND: [72, true, 'The leader has no listener of the kind that this request came in by.'],
  TOPIC_DELETION_DISABLED: [73, false, 'The broker does not allow topics to be deleted.'],
  FENCED_LEADER_EPOCH: [74, true, 'The leader epoch of the request is older than the one of the broker.'],
  UNKNOWN_LEADER_EPOCH: [75, true, 'The leader epoch of the request is newer than the one of the broker.'],
  UNSUPPORTED_COMPRESSION_TYPE: [76, false, 'The compression is not supported with this version of the request.'],
  STALE_BROKER_EPOCH: [77, false, 'The broker has registered again since.'],
  OFFSET_NOT_AVAILABLE: [78, true, 'The new leader does not know yet how far the log is committed.'],
  MEMBER_ID_REQUIRED: [79, false, 'The member must join again with the id that it has now been given.'],
  PREFERRED_LEADER_NOT_AVAILABLE: [80, true, 'The preferred leader is not available.'],
  GROUP_MAX_SIZE_REACHED: [81, false, 'The group is full.'],
  FENCED_INSTANCE_ID: [82, false, 'Another member has registered with the same group.instance.id.'],
  ELIGIBLE_LEADERS_NOT_AVAILABLE: [83, true, 'No replica that could lead the partition is available.'],
  ELECTION_NOT_NEEDED: [84, true, 'The partition has the leader that it should have.'],
  NO_REASSIGNMENT_IN_PROGRESS: [85, false, 'The partition is not being moved.'],
  GROUP_SUBSCRIBED_TO_TOPIC: [86, false, 'The group still reads this topic.'],
  INVALID_RECORD: [87, false, 'The broker refused a record, for instance one without a key in a compacted topic.'],
  UNSTABLE_OFFSET_COMMIT: [88, true, 'Offsets of an open transaction are pending.'],
  THROTTLING_QUOTA_EXCEEDED: [89, true, 'The client has used up its quota for now.'],
  PRODUCER_FENCED: [90, false, 'A newer producer has taken over this transactional id.'],
  RESOURCE_NOT_FOUND: [91, false, 'The request names something that does not exist.'],
  DUPLICATE_RESOURCE: [92, false, 'The request names the same thing twice.'],
  UNACCEPTABLE_CREDENTIAL: [93, false, 'The new credential does not meet the requirements.'],
  INCONSISTENT_VOTER_SET: [94, false, 'Sender or receiver is not one of the expected voters.'],
  INVALID_UPDATE_VERSION: [95, false, 'The version to update to is not valid.'],
  FEATURE_UPDATE_FAILED: [96, false, 'The broker could not update a feature.'],
  PRINCIPAL_DESERIALIZATION_FAILURE: [97, false, 'The controller could not read who sent a forwarded request.'],
  SNAPSHOT_NOT_FOUND: [98, false, 'There is no such snapshot.'],
  POSITION_OUT_OF_RANGE: [99, false, 'The position lies outside of the snapshot.'],
  UNKNOWN_TOPIC_ID: [100, true, 'The broker does not host a topic of this id.'],
  DUPLICATE_BROKER_REGISTRATION: [101, false, 'Another broker uses this id.'],
  BROKER_ID_NOT_REGISTERED: [102, false, 'No broker of this id is registered.'],
  INCONSISTENT_TOPIC_ID: [103, true, 'The log belongs to a topic of another id.'],
  INCONSISTENT_CLUSTER_ID: [104, false, 'The request is meant for another cluster.'],
  TRANSACTIONAL_ID_NOT_FOUND: [105, false, 'The broker does not know this transactional id.'],
  FETCH_SESSION_TOPIC_ID_ERROR: [106, true, 'The fetch session mixes topic ids and names.'],
  INELIGIBLE_REPLICA: [107, false, 'A replica of the new in-sync set may not be in it.'],
  NEW_LEADER_ELECTED: [108, false, 'The partition was changed, and has another leader now.'],
  OFFSET_MOVED_TO_TIERED_STORAGE: [109, false, 'The offset is now in tiered storage.'],
  FENCED_MEMBER_EPOCH: [110, false, 'The member was fenced and must join its group again.'],
  UNRELEASED_INSTANCE_ID: [111, false, 'Another member of the group still uses this instance id.'],
  UNSUPPORTED_ASSIGNOR: [112, false, 'The group does not support this assignor.'],
  STALE_MEMBER_EPOCH: [113, false, 'The epoch of the member is not the current one.'],
  MISMATCHED_ENDPOINT_TYPE: [114, false, 'The request went to the wrong kind of endpoint.'],
  UNSUPPORTED_ENDPOINT_TYPE: [115, false, 'This kind of endpoint is not supported.'],
  UNKNOWN_CONTROLLER_ID: [116, false, 'There is no controller of this id.'],
  UNKNOWN_SUBSCRIPTION_ID: [117, false, 'The telemetry subscription is not known or out of date.'],
  TELEMETRY_TOO_LARGE: [118, false, 'The broker does not accept that much telemetry at once.'],
  INVALID_REGISTRATION: [119, false, 'The controller refused the registration of a broker.'],
  TRANSACTION_ABORTABLE: [120, false, 'The transaction failed; once aborted, the next one can begin.'],
  INVALID_RECORD_STATE: [121, false, 'The record of a share group is not in a state that can be acknowledged.'],
  SHARE_SESSION_NOT_FOUND: [122, true, 'The broker does not know this share session.'],
  INVALID_SHARE_SESSION_EPOCH: [123, true, 'The epoch of the share session is not the expected one.'],
  FENCED_STATE_EPOCH: [124, false, 'The state epoch of the share group is not the current one.'],
  INVALID_VOTER_KEY: [125, false, "The key of the voter is not the receiver's."],
  DUPLICATE_VOTER: [126, false, 'The voter is one of the voters already.'],
  VOTER_NOT_FOUND: [127, false, 'The voter is not one of the voters.'],
  INVALID_REGULAR_EXPRESSION: [128, false, 'The regular expression is not valid.'],
  REBOOTSTRAP_REQUIRED: [129, false, 'What the client knows of the cluster is too old: it must start over.'],
  STREAMS_INVALID_TOPOLOGY: [130, false, 'The topology of the streams group is not valid.'],
  STREAMS_INVALID_TOPOLOGY_EPOCH: [131, false, 'The topology epoch of the streams group is not valid.'],
  STREAMS_TOPOLOGY_FENCED: [132, false, 'The topology epoch of the streams group is out of date.'],
  SHARE_SESSION_LIMIT_REACHED: [133, true, 'The broker holds as many share sessions as it may.'],
} as const

/** The name of a broker error, as Kafka spells it. */
export type ErrorName = keyof typeof table

export interface BrokerErrorInfo {
  readonly code: number
  /** Kafka's name, or `UNKNOWN_CODE_n` for a code that is not in the table. */
  readonly name: string
  /** Whether the same request can succeed later. */
  readonly retriable: boolean
  /** What the code means, as a sentence. */
  readonly message: string
}

/** Codes by name: `ErrorCode.NOT_LEADER_OR_FOLLOWER === 6`. */
export const ErrorCode: { readonly [Name in ErrorName]: (typeof table)[Name][0] } = Object.fromEntries(
  Object.entries(table).map(([name, [code]]) => [name, code]),
) as { [Name in ErrorName]: (typeof table)[Name][0] }

/** One row for each error that a broker can answer with, in the order of the codes. */
export const brokerErrors: readonly BrokerErrorInfo[] = Object.entries(table).map(
  ([name, [code, retriable, message]]) => ({ code, name, retriable, message }),
)

const byCode: ReadonlyMap<number, BrokerErrorInfo> = new Map(brokerErrors.map(error => [error.code, error]))

/** Returns the row of a code. A code of a newer broker is named `UNKNOWN_CODE_n`, and is not retriable. */
export function brokerError(code: number): BrokerErrorInfo {
  return (
    byCode.get(code) ?? {
      code,
      name: `UNKNOWN_CODE_${code}`,
      retriable: false,
      message: 'An error code that this version of the library does not know.',
    }
  )
}

/** Codes that Kafka does not call retriable, though they are about the state of brokers, not about the request. */
const PASSING: readonly number[] = [ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.INVALID_REPLICATION_FACTOR]

/** Whether the same request may succeed later, or at another broker. True for unknown codes of newer brokers. */
export function mayPass({ code, retriable }: { readonly code: number; readonly retriable: boolean }): boolean {
  return retriable || PASSING.includes(code) || !byCode.has(code)
}
