import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { Observable, type Subscriber } from 'rxjs'
import {
  type Ack,
  type Acked,
  type BatchAck,
  BrokerError,
  DeliveryTimeoutError,
  type Failed,
  InvalidRecordError,
  type ProducerRecord,
  RecordFailedError,
} from '../../src/index.js'
import { BatchAcks, RecordAcks } from '../../src/producer/acks/ack-streams.js'
import { Batch } from '../../src/producer/model/batch.js'
import type { Outcome } from '../../src/producer/model/outcome.js'
import { brokerError, ErrorCode } from '../../src/protocol/error-codes.js'
import { RecordLengths } from '../../src/protocol/records/record-batch-builder.js'

const STORED: Outcome = { kind: 'acked', baseOffset: 2n ** 60n, logAppendTime: -1 }
const TIMED_OUT = new DeliveryTimeoutError('too late', {
  cause: new BrokerError(brokerError(ErrorCode.NOT_ENOUGH_REPLICAS)),
})
const MAYBE: Outcome = { kind: 'failed', error: TIMED_OUT, persisted: 'maybe' }
const TIMED_OUT_JSON = {
  name: 'DeliveryTimeoutError',
  message: 'too late',
  cause: {
    name: 'BrokerError',
    message: (TIMED_OUT.cause as Error).message,
    code: 19,
    codeName: 'NOT_ENOUGH_REPLICAS',
    retriable: true,
  },
}

const json = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value))

/** What a stream is given when a sink has done its work. */
function given<T>(work: (subscriber: Subscriber<T>) => void): T[] {
  const values: T[] = []
  new Observable<T>(work).subscribe(value => values.push(value))
  return values
}

function batchOf(records: readonly ProducerRecord[], sink: RecordAcks<never> | BatchAcks<never>): Batch {
  const batch = new Batch('t', 3, Buffer.alloc(1000))
  batch.attempts = 2
  for (const record of records) {
    const lengths = new RecordLengths()
    lengths.measure(undefined, record.value, undefined)
    batch.append(record, undefined, record.value, undefined, 1_700_000_000_000, lengths, sink)
    sink.accepted()
  }
  return batch
}

/** The acks of records that were in one batch. */
const acksOf = (records: readonly ProducerRecord[], end: Outcome): Ack[] =>
  given(subscriber => batchOf(records, new RecordAcks<never>(subscriber as never)).settle(end))

const batchAckOf = (records: readonly ProducerRecord[], end: Outcome): BatchAck =>
  given<BatchAck>(subscriber => batchOf(records, new BatchAcks<never>(subscriber as never)).settle(end))[0]!

const refusedAck = (record: unknown): Failed =>
  given<Ack>(subscriber =>
    new RecordAcks(subscriber).refuse(record as ProducerRecord, new InvalidRecordError('bad')),
  )[0] as Failed

const refusedBatchAck = (record: unknown): BatchAck =>
  given<BatchAck>(subscriber =>
    new BatchAcks(subscriber).refuse(record as ProducerRecord, new InvalidRecordError('bad')),
  )[0]!

const RECORD = { topic: 't', value: 'v', metadata: { id: 5n } }

const throws = (): never => {
  throw new Error('not readable')
}
const SYMBOL = Symbol('t')
/** Records that nothing may be read of without care. */
const HOSTILE: readonly unknown[] = [
  null,
  undefined,
  5,
  { topic: SYMBOL },
  { topic: { toString: throws } },
  { topic: Object.create(null) },
  {
    get topic() {
      return throws()
    },
  },
  new Proxy({}, { get: throws, ownKeys: throws, getPrototypeOf: throws }),
]

describe('an ack', () => {
  it('survives JSON.stringify: offsets are strings, and errors have their messages', () => {
    assert.deepEqual(json(acksOf([RECORD, RECORD], STORED)[1]), {
      kind: 'acked',
      topic: 't',
      partition: 3,
      offset: '1152921504606846977',
      timestamp: 1_700_000_000_000,
      record: { topic: 't', value: 'v', metadata: { id: '5' } },
    })
    assert.deepEqual(json(acksOf([RECORD], MAYBE)[0]), {
      kind: 'failed',
      error: TIMED_OUT_JSON,
      persisted: 'maybe',
      attempts: 2,
      record: { topic: 't', value: 'v', metadata: { id: '5' } },
    })
  })

  it('survives it with any record: bytes, circular metadata, what cannot be read', () => {
    const metadata: { self?: unknown } = {}
    metadata.self = metadata
    const [ack] = acksOf([{ topic: 't', value: Buffer.alloc(10_000_000, 1), metadata }], STORED)
    assert.deepEqual(json(ack).record, {
      topic: 't',
      value: `${Buffer.alloc(1024, 1).toString('base64')}… (10000000 bytes)`,
      metadata: { self: '[Circular]' },
    })
    for (const record of HOSTILE) {
      assert.deepEqual(json(refusedAck(record)).error, { name: 'InvalidRecordError', message: 'bad' })
    }
  })

  it('has plain fields, in the order in which they are documented', () => {
    const [acked] = acksOf([RECORD], STORED) as [Acked]
    assert.deepEqual(
      { ...acked },
      {
        kind: 'acked',
        topic: 't',
        partition: 3,
        offset: 2n ** 60n,
        timestamp: 1_700_000_000_000,
        record: RECORD,
      },
    )
    assert.deepEqual(Object.keys(acked), ['kind', 'topic', 'partition', 'offset', 'timestamp', 'record'])
    const refused = refusedAck(RECORD)
    assert.deepEqual(
      { ...refused },
      {
        kind: 'failed',
        error: refused.error,
        persisted: 'no',
        attempts: 0,
        record: RECORD,
      },
    )
  })

  it('reads well in the console', () => {
    assert.match(
      inspect(acksOf([RECORD], STORED)[0]),
      /kind: 'acked',\s+topic: 't',\s+partition: 3,\s+offset: 1152921504606846976n/,
    )
    assert.match(inspect(acksOf([RECORD], MAYBE)[0]), /kind: 'failed',\s+error: DeliveryTimeoutError: too late\n/)
  })
})

describe('a batch ack', () => {
  it('survives JSON.stringify, and tells why it failed', () => {
    assert.deepEqual(json(batchAckOf([RECORD, RECORD], STORED)), {
      kind: 'acked',
      topic: 't',
      partition: 3,
      count: 2,
      baseOffset: '1152921504606846976',
    })
    assert.deepEqual(json(batchAckOf([RECORD, RECORD], MAYBE)), {
      kind: 'failed',
      topic: 't',
      partition: 3,
      count: 2,
      baseOffset: '-1',
      error: TIMED_OUT_JSON,
      persisted: 'maybe',
      attempts: 2,
    })
    assert.deepEqual(json(refusedBatchAck(RECORD)), {
      kind: 'failed',
      topic: 't',
      partition: -1,
      count: 1,
      baseOffset: '-1',
      error: { name: 'InvalidRecordError', message: 'bad' },
      persisted: 'no',
      attempts: 0,
    })
  })

  it('shows in the console what JSON tells', () => {
    assert.equal(
      inspect(batchAckOf([RECORD], STORED), { breakLength: Number.POSITIVE_INFINITY, compact: true }),
      "BatchAck { kind: 'acked', topic: 't', partition: 3, count: 1, baseOffset: 1152921504606846976n }",
    )
    assert.match(
      inspect(batchAckOf([RECORD], MAYBE)),
      /^BatchAck \{.*DeliveryTimeoutError: too late.*persisted: 'maybe'/s,
    )
    assert.match(inspect(refusedBatchAck(RECORD)), /^BatchAck \{.*InvalidRecordError: bad.*persisted: 'no'/s)
    assert.match(inspect([[[[batchAckOf([RECORD], STORED)]]]], { depth: 3 }), /BatchAck \{…\}/)
  })

  it('of a record that is none reads its topic when asked for, and with care', () => {
    for (const record of HOSTILE) {
      const ack = refusedBatchAck(record)
      assert.match(ack.topic, /^(Symbol\(t\))?$/)
      assert.equal(json(ack).persisted, 'no')
      assert.match(inspect(ack), /persisted: 'no'/)
      assert.equal([...ack][0]!.record, record)
    }
    let reads = 0
    const counting = {
      get topic() {
        reads++
        return 't'
      },
    }
    const ack = refusedBatchAck(counting)
    assert.equal(reads, 0)
    assert.equal(ack.topic, 't')
  })
})

describe('RecordFailedError', () => {
  it('can be made of any record', () => {
    for (const record of HOSTILE) {
      const error = new RecordFailedError(refusedAck(record))
      assert.match(error.message, /^a record( of topic Symbol\(t\))? failed: bad$/)
    }
    assert.equal(new RecordFailedError(refusedAck(RECORD)).message, 'a record of topic t failed: bad')
  })

  it('tells in JSON whether the record may be stored', () => {
    const error = new RecordFailedError(acksOf([RECORD], MAYBE)[0] as Failed)
    assert.equal(error.persisted, 'maybe')
    assert.deepEqual(json(error), {
      name: 'RecordFailedError',
      message: 'a record of topic t failed: too late',
      persisted: 'maybe',
      cause: TIMED_OUT_JSON,
    })
  })
})
