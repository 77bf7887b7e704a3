import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Observable, of, throwError } from 'rxjs'
import { ConnectionError, ProducerFencedError, UnsupportedVersionError } from '../../src/errors.js'
import { Batch } from '../../src/producer/batch.js'
import { Partition } from '../../src/producer/partition.js'
import { type Outcome, type ProduceAttempt, send } from '../../src/producer/sender.js'
import { brokerError, ErrorCode } from '../../src/protocol/error-codes.js'
import type { PartitionProduceResponse, ProduceResponse } from '../../src/protocol/produce.js'
import type { Connection } from '../../src/transport/connection.js'

const effects = { settle() {}, split() {}, pause() {}, epochBumped() {} }

/** What becomes of a request for these partitions of topic `t`, when the connection answers so. */
function outcomeOf(partitions: readonly number[], answer: Observable<ProduceResponse>): Outcome {
  const connection = { name: 'b:1', request: () => answer } as unknown as Connection
  const parts = partitions.map(index => ({
    partition: new Partition('t', index, 1, effects),
    batch: new Batch('t', index, Buffer.alloc(100)),
  }))
  const attempt: ProduceAttempt = { issue: 7, connection, parts }
  const outcomes: Outcome[] = []
  let completed = false
  send(attempt, 1000).subscribe({ next: outcome => outcomes.push(outcome), complete: () => (completed = true) })
  assert.ok(completed && outcomes.length === 1, 'one outcome, while it is subscribed to')
  assert.equal(outcomes[0]!.issue, 7)
  return outcomes[0]!
}

const entry = (index: number, errorCode = 0, baseOffset = 100n): PartitionProduceResponse => ({
  index,
  errorCode,
  baseOffset,
  logAppendTimeMs: -1n,
  logStartOffset: 0n,
  recordErrors: [],
  errorMessage: null,
})
const response = (name: string, ...partitionResponses: PartitionProduceResponse[]): ProduceResponse => ({
  responses: [{ name, partitionResponses }],
  throttleTimeMs: 0,
})

/** Every code of which something else must be held than "retriable: may be stored; other: refused". */
const SPECIAL: Readonly<Record<number, string>> = {
  [ErrorCode.NONE]: 'stored',
  [ErrorCode.DUPLICATE_SEQUENCE_NUMBER]: 'stored',
  [ErrorCode.UNKNOWN_SERVER_ERROR]: 'unknown',
  [ErrorCode.CORRUPT_MESSAGE]: 'rejected',
  [ErrorCode.NOT_ENOUGH_REPLICAS]: 'rejected',
  [ErrorCode.LEADER_NOT_AVAILABLE]: 'rejected',
  [ErrorCode.THROTTLING_QUOTA_EXCEEDED]: 'rejected',
  [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER]: 'outOfSequence',
  [ErrorCode.UNKNOWN_PRODUCER_ID]: 'forgotten',
  [ErrorCode.INVALID_PRODUCER_EPOCH]: 'fenced',
  [ErrorCode.MESSAGE_TOO_LARGE]: 'tooLarge',
  [ErrorCode.RECORD_LIST_TOO_LARGE]: 'tooLarge',
}

test('what each error code means for the batch', () => {
  for (const code of Object.values(ErrorCode)) {
    const { verdicts } = outcomeOf([0], of(response('t', entry(0, code))))
    const expected = SPECIAL[code] ?? (brokerError(code).retriable ? 'unknown' : 'refused')
    assert.equal(verdicts[0]?.kind, expected, brokerError(code).name)
  }
})

test('where it is stored; a duplicate that is too old to be found has no offset', () => {
  const { verdicts } = outcomeOf([0, 1], of(response('t', entry(0), entry(1, ErrorCode.DUPLICATE_SEQUENCE_NUMBER))))
  assert.deepEqual(
    verdicts.map(verdict => verdict.kind === 'stored' && verdict.baseOffset),
    [100n, -1n],
  )
})

test('entries in another order, twice, or of what was not asked for; one that is missing says nothing', () => {
  const answer = response('t', entry(2, 0, 2n), entry(9, 3), entry(0, 0, 0n), entry(0, 6), entry(2, 6))
  answer.responses.push({ name: 'other', partitionResponses: [entry(1)] })
  const { verdicts } = outcomeOf([0, 1, 2], of(answer))
  assert.deepEqual(
    verdicts.map(verdict => (verdict.kind === 'stored' ? verdict.baseOffset : verdict.kind)),
    [0n, 'unknown', 2n],
  )
})

test('no answer: every batch may be stored', () => {
  const error = new ConnectionError('cut')
  const { verdicts, fatal } = outcomeOf(
    [0, 1],
    throwError(() => error),
  )
  assert.deepEqual(verdicts, [
    { kind: 'unknown', error },
    { kind: 'unknown', error },
  ])
  assert.equal(fatal, undefined)
})

test('what ends the producer: no common version, a missing right, another producer', () => {
  const error = new UnsupportedVersionError('too old')
  const unsupported = outcomeOf(
    [0],
    throwError(() => error),
  )
  assert.deepEqual([unsupported.fatal, unsupported.verdicts], [error, [{ kind: 'refused', error }]])
  const codes = Object.values(ErrorCode).filter(
    code => outcomeOf([0, 1], of(response('t', entry(0), entry(1, code)))).fatal !== undefined,
  )
  assert.deepEqual(codes, [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.PRODUCER_FENCED])
  const fenced = outcomeOf([0], of(response('t', entry(0, ErrorCode.PRODUCER_FENCED))))
  assert.ok(fenced.fatal instanceof ProducerFencedError)
})
