import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Observable, of, throwError } from 'rxjs'
import { BrokerError, ConnectionError, ProducerFencedError } from '../../src/errors.js'
import { type DrainedRequest, produceTo, type RequestResult } from '../../src/producer/in-flight/produce-request.js'
import { RequestLimit } from '../../src/producer/in-flight/request-limit.js'
import { Batch } from '../../src/producer/model/batch.js'
import { Partition } from '../../src/producer/model/partition.js'
import { brokerError, ErrorCode } from '../../src/protocol/error-codes.js'
import { NO_LEADER, type PartitionProduceResponse, type ProduceResponse } from '../../src/protocol/messages/produce.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import type { Connection } from '../../src/transport/connection.js'
import { append } from '../support/taken.js'

const sink = { settled() {}, neverBatched() {} }

/** What becomes of a request for these partitions of topic `t`, each batch of `count` records, when the connection answers so. */
function outcomeOf(partitions: readonly number[], answer: Observable<ProduceResponse>, count = 0): RequestResult {
  const connection = { name: 'b:1', request: () => answer } as unknown as Connection
  const parts = partitions.map(index => {
    const batch = new Batch('t', index, Buffer.alloc(100))
    for (let i = 0; i < count; i++) append(batch, { topic: 't', value: '' }, 0, sink)
    return { partition: new Partition('t', index, 1), batch }
  })
  const attempt: DrainedRequest = { sendIndex: 7, connection, parts, limit: new RequestLimit(1_048_576) }
  const outcomes: RequestResult[] = []
  let completed = false
  produceTo(attempt, 1000).subscribe({ next: outcome => outcomes.push(outcome), complete: () => (completed = true) })
  assert.ok(completed && outcomes.length === 1, 'one outcome, while it is subscribed to')
  assert.equal(outcomes[0]!.sendIndex, 7)
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
  currentLeader: NO_LEADER,
})
const response = (name: string, ...partitionResponses: PartitionProduceResponse[]): ProduceResponse => ({
  responses: [{ name, topicId: ZERO_UUID, partitionResponses }],
  throttleTimeMs: 0,
  nodeEndpoints: [],
})

/** Every code that says whether the batch is stored. All others leave it open. */
const CERTAIN: Readonly<Record<number, string>> = {
  [ErrorCode.NONE]: 'stored',
  [ErrorCode.DUPLICATE_SEQUENCE_NUMBER]: 'stored',
  [ErrorCode.CORRUPT_MESSAGE]: 'corrupt',
  [ErrorCode.INVALID_RECORD]: 'badRecords',
  [ErrorCode.INVALID_TIMESTAMP]: 'badRecords',
  [ErrorCode.NOT_ENOUGH_REPLICAS]: 'rejected',
  [ErrorCode.UNKNOWN_TOPIC_ID]: 'rejected',
  [ErrorCode.CONCURRENT_TRANSACTIONS]: 'rejected',
  [ErrorCode.COORDINATOR_NOT_AVAILABLE]: 'rejected',
  [ErrorCode.COORDINATOR_LOAD_IN_PROGRESS]: 'rejected',
  [ErrorCode.NOT_COORDINATOR]: 'rejected',
  [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER]: 'outOfSequence',
  [ErrorCode.UNKNOWN_PRODUCER_ID]: 'forgotten',
  [ErrorCode.INVALID_PRODUCER_EPOCH]: 'fenced',
  [ErrorCode.MESSAGE_TOO_LARGE]: 'tooLarge',
  [ErrorCode.RECORD_LIST_TOO_LARGE]: 'tooLarge',
  [ErrorCode.INVALID_TOPIC_EXCEPTION]: 'refused',
  [ErrorCode.INVALID_REQUIRED_ACKS]: 'refused',
  [ErrorCode.TOPIC_AUTHORIZATION_FAILED]: 'refused',
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED]: 'refused',
  [ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED]: 'refused',
  [ErrorCode.UNSUPPORTED_VERSION]: 'refused',
  [ErrorCode.INVALID_REQUEST]: 'refused',
  [ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT]: 'refused',
  [ErrorCode.UNSUPPORTED_COMPRESSION_TYPE]: 'refused',
  [ErrorCode.INVALID_TXN_STATE]: 'refused',
  [ErrorCode.INVALID_PRODUCER_ID_MAPPING]: 'refused',
  [ErrorCode.PRODUCER_FENCED]: 'refused',
  [ErrorCode.TRANSACTION_ABORTABLE]: 'refused',
}

/** Those that there are, and such as a newer broker, or a proxy, may make up. */
const ALL_CODES = [...Object.values(ErrorCode), 134, 200, 32767, -2, -32768]

test('what each error code means for the batch', () => {
  for (const code of ALL_CODES) {
    const { results } = outcomeOf([0], of(response('t', entry(0, code))))
    assert.equal(results[0]?.kind, CERTAIN[code] ?? 'unknown', brokerError(code).name)
  }
})

/** What a broker says of a batch of four records: which are refused, and why. */
function named(errorCode: number, names: readonly (readonly [number, string | null])[], errorMessage: string | null) {
  const recordErrors = names.map(([batchIndex, batchIndexErrorMessage]) => ({ batchIndex, batchIndexErrorMessage }))
  const answer = response('t', { ...entry(0, errorCode), recordErrors, errorMessage })
  const result = outcomeOf([0], of(answer), 4).results[0]!
  const records = 'named' in result ? result.named : []
  return { result, records, said: records.map(({ index, error }) => [index, saidBy(error)]) }
}

function saidBy(error: Error): string | undefined {
  assert.ok(error instanceof BrokerError)
  return /The broker says: (.*)$/.exec(error.message)?.[1]
}

test('records that the broker names, each with its own reason, in the order of the batch; equal reasons are one error', () => {
  const { result, records, said } = named(
    87,
    [
      [3, 'no key'],
      [0, 'too old'],
      [1, 'no key'],
    ],
    'some are bad',
  )
  assert.equal(result.kind, 'badRecords')
  assert.deepEqual(said, [
    [0, 'too old'],
    [1, 'no key'],
    [3, 'no key'],
  ])
  assert.equal(records[1]!.error, records[2]!.error)
  assert.ok(records.every(({ error }) => error instanceof BrokerError && error.code === 87))
})

test('a record that is named without a reason has the one of the batch; without that, the code speaks', () => {
  assert.deepEqual(named(32, [[2, null]], 'invalid timestamp').said, [[2, 'invalid timestamp']])
  assert.deepEqual(named(32, [[2, null]], null).said, [[2, undefined]])
})

test('names of records that are not there, and a second one of the same, are ignored; if none is left, none was named', () => {
  const lies = [-1, 4, 5, 2147483647, -2147483648].map(index => [index, 'a lie'] as const)
  const some = named(87, [...lies, [2, 'true'], [2, 'said twice']], null)
  assert.deepEqual(some.said, [[2, 'true']])
  const none = named(87, lies, null)
  assert.deepEqual([none.result.kind, none.said], ['badRecords', []])
  const all = named(
    87,
    [3, 2, 1, 0].map(index => [index, 'bad'] as const),
    null,
  )
  assert.deepEqual(
    all.said.map(([index]) => index),
    [0, 1, 2, 3],
  )
})

test('codes that may name records: those that refuse the batch for good, and CORRUPT_MESSAGE; for others names mean nothing', () => {
  for (const code of ALL_CODES) {
    const kind = CERTAIN[code] ?? 'unknown'
    const expected = kind === 'refused' ? 'badRecords' : kind
    const { result, said } = named(code, [[1, 'bad']], null)
    assert.equal(result.kind, expected, brokerError(code).name)
    const names = expected === 'badRecords' || expected === 'corrupt'
    assert.deepEqual(said, names ? [[1, 'bad']] : [], brokerError(code).name)
  }
})

test('where it is stored; a duplicate that is too old to be found has no offset', () => {
  const { results } = outcomeOf([0, 1], of(response('t', entry(0), entry(1, ErrorCode.DUPLICATE_SEQUENCE_NUMBER))))
  assert.deepEqual(
    results.map(result => result.kind === 'stored' && result.baseOffset),
    [100n, -1n],
  )
})

test('entries in another order, twice, or of what was not asked for; one that is missing says nothing', () => {
  const answer = response('t', entry(2, 0, 2n), entry(9, 3), entry(0, 0, 0n), entry(0, 6), entry(2, 6))
  answer.responses.push({ name: 'other', topicId: ZERO_UUID, partitionResponses: [entry(1)] })
  const { results } = outcomeOf([0, 1, 2], of(answer))
  assert.deepEqual(
    results.map(result => (result.kind === 'stored' ? result.baseOffset : result.kind)),
    [0n, 'unknown', 2n],
  )
})

test('no answer: every batch may be stored', () => {
  const error = new ConnectionError('cut')
  const { results, fatal } = outcomeOf(
    [0, 1],
    throwError(() => error),
  )
  assert.deepEqual(results, [
    { kind: 'unknown', error },
    { kind: 'unknown', error },
  ])
  assert.equal(fatal, undefined)
})

test('what ends the producer: a missing right, another producer', () => {
  const codes = Object.values(ErrorCode).filter(
    code => outcomeOf([0, 1], of(response('t', entry(0), entry(1, code)))).fatal !== undefined,
  )
  assert.deepEqual(codes, [
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ErrorCode.PRODUCER_FENCED,
  ])
  const fenced = outcomeOf([0], of(response('t', entry(0, ErrorCode.PRODUCER_FENCED))))
  assert.ok(fenced.fatal instanceof ProducerFencedError)
})
