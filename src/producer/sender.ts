import { catchError, map, type Observable, of } from 'rxjs'
import { BrokerError, KafkaError } from '../errors.js'
import { brokerError, ErrorCode } from '../protocol/error-codes.js'
import {
  type PartitionProduceResponse,
  type ProduceResponse,
  type ProduceTopicData,
  produce,
} from '../protocol/produce.js'
import type { Connection } from '../transport/connection.js'
import type { Batch, Verdict } from './batch.js'
import type { Partition } from './partition.js'

/** One produce request: at most one batch of a partition. */
export interface ProduceAttempt {
  /** The requests of a broker's window are numbered from 0, in the order in which they are sent. */
  readonly issue: number
  readonly connection: Connection
  readonly parts: readonly { readonly partition: Partition; readonly batch: Batch }[]
}

/** What a request came to. */
export interface Outcome {
  readonly issue: number
  readonly attempt: ProduceAttempt
  /** For each part, in the same order. */
  readonly verdicts: readonly Verdict[]
  /** How long the broker asks to be left alone, in ms (KIP-219). */
  readonly throttleTimeMs: number
  /** The request had no answer. */
  readonly lost: Error | undefined
}

const ACKS_ALL = -1

/**
 * One network attempt. Writes to the socket while it is being subscribed to, so that requests leave in the order in which
 * they were drawn; emits one outcome, completes, and never errors, for an error would end the window it is part of.
 */
export function send(attempt: ProduceAttempt, timeoutMs: number): Observable<Outcome> {
  const request = { transactionalId: null, acks: ACKS_ALL, timeoutMs, topicData: topicData(attempt) }
  return attempt.connection.request(produce, request).pipe(
    map(response => answered(attempt, response)),
    catchError(error => of(lost(attempt, error))),
  )
}

function topicData(attempt: ProduceAttempt): ProduceTopicData[] {
  const topics = new Map<string, ProduceTopicData>()
  for (const { partition, batch } of attempt.parts) {
    let topic = topics.get(partition.topic)
    if (topic === undefined) {
      topic = { name: partition.topic, partitionData: [] }
      topics.set(partition.topic, topic)
    }
    topic.partitionData.push({ index: partition.index, records: batch.bytes ?? null })
  }
  return [...topics.values()]
}

/** A broker may leave entries out, repeat them or invent some: each part takes the first that names it, the rest is ignored. */
function answered(attempt: ProduceAttempt, response: ProduceResponse): Outcome {
  const answers = new Map<string, Map<number, PartitionProduceResponse>>()
  for (const topic of response.responses) {
    const partitions = answers.get(topic.name) ?? new Map<number, PartitionProduceResponse>()
    answers.set(topic.name, partitions)
    for (const partition of topic.partitionResponses) {
      if (!partitions.has(partition.index)) partitions.set(partition.index, partition)
    }
  }
  const verdicts = attempt.parts.map(({ partition }): Verdict => {
    const answer = answers.get(partition.topic)?.get(partition.index)
    if (answer !== undefined) return verdict(answer)
    const error = new KafkaError(
      `the broker at ${attempt.connection.name} answered a request and left out partition ${partition.topic}-${partition.index}`,
    )
    return { kind: 'unknown', error }
  })
  return { issue: attempt.issue, attempt, verdicts, throttleTimeMs: response.throttleTimeMs, lost: undefined }
}

function lost(attempt: ProduceAttempt, error: Error): Outcome {
  const verdict: Verdict = { kind: 'unknown', error }
  const verdicts = attempt.parts.map(() => verdict)
  return { issue: attempt.issue, attempt, verdicts, throttleTimeMs: 0, lost: error }
}

/** Codes with which a broker says that what it knows of this producer does not fit the batch. It stored nothing. */
const OUT_OF_SEQUENCE: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
])

/** Retriable codes that a broker gives before it appends. */
const BEFORE_APPEND: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
])

/**
 * Other retriable codes can follow an append: a leader that resigns while its followers are still copying the batch
 * answers NOT_LEADER_OR_FOLLOWER, though the batch may well survive. They leave open whether it is stored, and so does
 * an error that the broker did not foresee.
 */
function verdict(answer: PartitionProduceResponse): Verdict {
  const { errorCode } = answer
  if (errorCode === ErrorCode.NONE) {
    return { kind: 'stored', baseOffset: answer.baseOffset, logAppendTime: Number(answer.logAppendTimeMs) }
  }
  // The batch is stored, and too old for the broker to know where (KIP-98).
  if (errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }
  const info = brokerError(errorCode)
  const error = new BrokerError(info, answer.errorMessage)
  if (OUT_OF_SEQUENCE.has(errorCode)) return { kind: 'outOfSequence', error }
  if (BEFORE_APPEND.has(errorCode)) return { kind: 'rejected', error }
  const open = info.retriable || errorCode === ErrorCode.UNKNOWN_SERVER_ERROR
  return { kind: open ? 'unknown' : 'refused', error }
}
