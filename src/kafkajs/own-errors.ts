/*
 * kafkajs's error classes, for programs that have no kafkajs installed: the same names, fields and inheritance. A test compares them
 * with kafkajs's own, class by class.
 */

interface Text {
  readonly message: string
  readonly helpUrl?: string
}

export class KafkaJSError extends Error {
  readonly retriable: boolean
  readonly helpUrl: string | undefined

  constructor(e: Error | string, { retriable = true, cause }: { retriable?: boolean; cause?: unknown } = {}) {
    const text: Partial<Text> = typeof e === 'string' ? {} : (e as Text)
    super(text.message ?? String(e))
    this.name = 'KafkaJSError'
    this.retriable = retriable
    this.helpUrl = text.helpUrl
    this.cause = cause
  }
}

export class KafkaJSNonRetriableError extends KafkaJSError {
  constructor(e: Error | string, { cause }: { cause?: unknown } = {}) {
    super(e, { retriable: false, cause })
    this.name = 'KafkaJSNonRetriableError'
  }
}

/** What an error of Kafka's protocol is made from. */
interface Coded extends Error {
  readonly type?: string
  readonly code?: number
  readonly retriable?: boolean
}

export class KafkaJSProtocolError extends KafkaJSError {
  readonly type: string | undefined
  readonly code: number | undefined

  constructor(e: Error | string, { retriable = (e as Coded).retriable }: { retriable?: boolean | undefined } = {}) {
    super(e, retriable === undefined ? {} : { retriable })
    this.type = (e as Coded).type
    this.code = (e as Coded).code
    this.name = 'KafkaJSProtocolError'
  }
}

export class KafkaJSOffsetOutOfRange extends KafkaJSProtocolError {
  readonly topic: string
  readonly partition: number

  constructor(e: Error | string, { topic, partition }: { topic: string; partition: number }) {
    super(e)
    this.topic = topic
    this.partition = partition
    this.name = 'KafkaJSOffsetOutOfRange'
  }
}

export class KafkaJSMemberIdRequired extends KafkaJSProtocolError {
  readonly memberId: string

  constructor(e: Error | string, { memberId }: { memberId: string }) {
    super(e)
    this.memberId = memberId
    this.name = 'KafkaJSMemberIdRequired'
  }
}

export class KafkaJSCreateTopicError extends KafkaJSProtocolError {
  readonly topic: string

  constructor(e: Error | string, topic: string) {
    super(e)
    this.topic = topic
    this.name = 'KafkaJSCreateTopicError'
  }
}

export class KafkaJSAlterPartitionReassignmentsError extends KafkaJSProtocolError {
  readonly topic: string | undefined
  readonly partition: number | undefined

  constructor(e: Error | string, topic?: string, partition?: number) {
    super(e)
    this.topic = topic
    this.partition = partition
    this.name = 'KafkaJSAlterPartitionReassignmentsError'
  }
}

export class KafkaJSNumberOfRetriesExceeded extends KafkaJSNonRetriableError {
  readonly retryCount: number
  readonly retryTime: number

  constructor(e: Error | string, { retryCount, retryTime }: { retryCount: number; retryTime: number }) {
    super(e, { cause: e })
    this.stack = `${this.name}\n  Caused by: ${(e as Error).stack}`
    this.retryCount = retryCount
    this.retryTime = retryTime
    this.name = 'KafkaJSNumberOfRetriesExceeded'
  }
}

export class KafkaJSConnectionError extends KafkaJSError {
  readonly broker: string | undefined
  readonly code: string | undefined

  constructor(e: Error | string, { broker, code }: { broker?: string; code?: string } = {}) {
    super(e)
    this.broker = broker
    this.code = code
    this.name = 'KafkaJSConnectionError'
  }
}

export class KafkaJSConnectionClosedError extends KafkaJSConnectionError {
  readonly host: string | undefined
  readonly port: number | undefined

  constructor(e: Error | string, { host, port }: { host?: string; port?: number } = {}) {
    super(e, { broker: `${host}:${port}` })
    this.host = host
    this.port = port
    this.name = 'KafkaJSConnectionClosedError'
  }
}

/** What a request that timed out tells. */
interface TimedOut {
  broker?: string
  correlationId?: number
  createdAt?: number
  sentAt?: number
  pendingDuration?: number
}

export class KafkaJSRequestTimeoutError extends KafkaJSError {
  readonly broker: string | undefined
  readonly correlationId: number | undefined
  readonly createdAt: number | undefined
  readonly sentAt: number | undefined
  readonly pendingDuration: number | undefined

  constructor(e: Error | string, { broker, correlationId, createdAt, sentAt, pendingDuration }: TimedOut = {}) {
    super(e)
    this.broker = broker
    this.correlationId = correlationId
    this.createdAt = createdAt
    this.sentAt = sentAt
    this.pendingDuration = pendingDuration
    this.name = 'KafkaJSRequestTimeoutError'
  }
}

export class KafkaJSMetadataNotLoaded extends KafkaJSError {
  override name = 'KafkaJSMetadataNotLoaded'
}

export class KafkaJSTopicMetadataNotLoaded extends KafkaJSMetadataNotLoaded {
  readonly topic: string | undefined

  constructor(e: Error | string, { topic }: { topic?: string } = {}) {
    super(e)
    this.topic = topic
    this.name = 'KafkaJSTopicMetadataNotLoaded'
  }
}

export class KafkaJSStaleTopicMetadataAssignment extends KafkaJSError {
  readonly topic: string | undefined
  readonly unknownPartitions: readonly unknown[] | undefined

  constructor(
    e: Error | string,
    { topic, unknownPartitions }: { topic?: string; unknownPartitions?: readonly unknown[] } = {},
  ) {
    super(e)
    this.topic = topic
    this.unknownPartitions = unknownPartitions
    this.name = 'KafkaJSStaleTopicMetadataAssignment'
  }
}

export class KafkaJSDeleteGroupsError extends KafkaJSError {
  readonly groups: readonly unknown[]

  constructor(e: Error | string, groups: readonly unknown[] = []) {
    super(e)
    this.groups = groups
    this.name = 'KafkaJSDeleteGroupsError'
  }
}

/** A partition whose records could not be deleted. */
interface NotDeleted {
  readonly partition: number
  readonly offset: string
  readonly error: { readonly retriable?: boolean } | null
}

export class KafkaJSDeleteTopicRecordsError extends KafkaJSError {
  readonly partitions: readonly NotDeleted[]

  constructor({ partitions }: { partitions: readonly NotDeleted[] }) {
    const retriable = partitions.every(({ error }) => error == null || error.retriable === true)
    super('Error while deleting records', { retriable })
    this.name = 'KafkaJSDeleteTopicRecordsError'
    this.partitions = partitions
  }
}

export class KafkaJSServerDoesNotSupportApiKey extends KafkaJSNonRetriableError {
  readonly apiKey: number | undefined
  readonly apiName: string | undefined

  constructor(e: Error | string, { apiKey, apiName }: { apiKey?: number; apiName?: string } = {}) {
    super(e)
    this.apiKey = apiKey
    this.apiName = apiName
    this.name = 'KafkaJSServerDoesNotSupportApiKey'
  }
}

export class KafkaJSBrokerNotFound extends KafkaJSError {
  override name = 'KafkaJSBrokerNotFound'
}

export class KafkaJSNoBrokerAvailableError extends KafkaJSError {
  constructor() {
    super('No broker available')
    this.name = 'KafkaJSNoBrokerAvailableError'
  }
}

export class KafkaJSPartialMessageError extends KafkaJSNonRetriableError {
  override name = 'KafkaJSPartialMessageError'
}

export class KafkaJSSASLAuthenticationError extends KafkaJSNonRetriableError {
  override name = 'KafkaJSSASLAuthenticationError'
}

export class KafkaJSGroupCoordinatorNotFound extends KafkaJSNonRetriableError {
  override name = 'KafkaJSGroupCoordinatorNotFound'
}

export class KafkaJSNotImplemented extends KafkaJSNonRetriableError {
  override name = 'KafkaJSNotImplemented'
}

export class KafkaJSTimeout extends KafkaJSNonRetriableError {
  override name = 'KafkaJSTimeout'
}

export class KafkaJSLockTimeout extends KafkaJSTimeout {
  override name = 'KafkaJSLockTimeout'
}

export class KafkaJSUnsupportedMagicByteInMessageSet extends KafkaJSNonRetriableError {
  override name = 'KafkaJSUnsupportedMagicByteInMessageSet'
}

export class KafkaJSInvariantViolation extends KafkaJSNonRetriableError {
  constructor(e: Error | string) {
    super(`Invariant violated: ${(e as Error).message ?? e}. This is likely a bug and should be reported.`)
    this.name = 'KafkaJSInvariantViolation'
  }
}

// kafkajs gives these two the name of their base.
export class KafkaJSInvalidVarIntError extends KafkaJSNonRetriableError {}

export class KafkaJSInvalidLongError extends KafkaJSNonRetriableError {}

export class KafkaJSAggregateError extends Error {
  readonly errors: readonly (Error | string)[]

  constructor(message: string, errors: readonly (Error | string)[]) {
    super(message)
    this.errors = errors
    this.name = 'KafkaJSAggregateError'
  }
}

export class KafkaJSFetcherRebalanceError extends Error {}
