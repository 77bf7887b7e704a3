import { BrokerError, describe, KafkaError, ProducerFencedError } from '../../errors.js'
import { brokerError, ErrorCode } from '../../protocol/error-codes.js'

/** Another producer with the same transactional id has taken over, or the coordinator has aborted a transaction that was open for too long. */
const FENCED: readonly number[] = [ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH]

/** The coordinator has forgotten the transactional id, as it does after `transactional.id.expiration.ms`: a new producer id helps. */
const FORGOTTEN: readonly number[] = [ErrorCode.INVALID_PRODUCER_ID_MAPPING, ErrorCode.UNKNOWN_PRODUCER_ID]

/** The transaction can't be committed; the next one can. */
const ABORTABLE: readonly number[] = [
  ErrorCode.TRANSACTION_ABORTABLE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.GROUP_AUTHORIZATION_FAILED,
  ErrorCode.OPERATION_NOT_ATTEMPTED,
  ErrorCode.INVALID_GROUP_ID,
  ErrorCode.UNKNOWN_MEMBER_ID,
  ErrorCode.ILLEGAL_GENERATION,
  ErrorCode.REBALANCE_IN_PROGRESS,
  ErrorCode.FENCED_INSTANCE_ID,
  ErrorCode.FENCED_MEMBER_EPOCH,
  ErrorCode.STALE_MEMBER_EPOCH,
  ErrorCode.OFFSET_METADATA_TOO_LARGE,
  ErrorCode.INVALID_COMMIT_OFFSET_SIZE,
  ...FORGOTTEN,
]

/** An error code of a coordinator that is not retriable: it aborts the transaction, or ends the producer. */
export interface Verdict {
  readonly fatal: boolean
  readonly code: number
  readonly error: Error
}

/**
 * Returns what the codes of an answer mean, worst first; undefined: all is well. Retriable codes do not get here.
 *
 * @param asked what was asked of the coordinator, for the message.
 */
export function verdictOn(asked: string, codes: readonly number[]): Verdict | undefined {
  const failed = codes.filter(code => code !== ErrorCode.NONE)
  const code = failed.find(isFatal) ?? failed.find(one => one !== ErrorCode.OPERATION_NOT_ATTEMPTED) ?? failed[0]
  if (code === undefined) return undefined
  const cause = new BrokerError(brokerError(code))
  if (!isFencing(code)) return { fatal: isFatal(code), code, error: cause }
  const error = new ProducerFencedError(
    `${asked} was refused: another producer with this \`transactionalId\` has taken over, or the transaction was open for longer than` +
      ` \`transactionTimeoutMs\` and the coordinator has aborted it: ${cause.message}`,
    { cause },
  )
  return { fatal: true, code, error }
}

/** Whether the epoch is over: see {@link FENCED}. */
export function isFencing(code: number): boolean {
  return FENCED.includes(code)
}

function isFatal(code: number): boolean {
  return !ABORTABLE.includes(code)
}

/** Whether the coordinator has forgotten the transactional id: see {@link FORGOTTEN}. */
export function isForgotten(error: Error | undefined): boolean {
  return error instanceof BrokerError && FORGOTTEN.includes(error.code)
}

/** A partition that is gone is in no transaction. */
export function isNotMissing(error: unknown): boolean {
  return !(error instanceof BrokerError && error.code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
}

/** Takes the error that a partition is gone for an answer. @throws every other error. */
export function missing(error: unknown): undefined {
  if (isNotMissing(error)) throw error
}

/** With version 2 the epoch is still the producer's when the coordinator has aborted its transaction, so it may go on with the next one. */
export function tookTooLong(cause: Error): KafkaError {
  return new KafkaError(
    `its coordinator had aborted it, as it does after \`transactionTimeoutMs\`: ${describe(cause)}`,
    { cause },
  )
}
