import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ack } from '../../src/index.js'
import { findings, type ReadRecord } from './validator.js'

const acks: Ack<number>[] = Array.from({ length: 10 }, (_, i) => ({
  kind: 'acked',
  topic: 't',
  partition: i % 2,
  offset: BigInt(Math.floor(i / 2)),
  timestamp: 0,
  record: { topic: 't', key: i % 3 ? `k${i}` : null, value: i === 4 ? null : `v${i}`, metadata: i },
}))
const read: ReadRecord[] = acks.map((ack, i) => ({
  partition: i % 2,
  offset: Math.floor(i / 2),
  key: ack.record.key ? Buffer.from(ack.record.key) : null,
  value: ack.record.value ? Buffer.from(ack.record.value) : null,
}))

test('nothing is wrong', () => {
  assert.deepEqual(findings(10, acks, read), [])
  const rejected: Ack<number> = {
    kind: 'failed',
    error: new Error(),
    persisted: 'no',
    attempts: 1,
    record: { topic: 't', value: '', metadata: 10 },
  }
  assert.deepEqual(findings(11, [...acks, rejected], read), [])
})

test('a record that is missing', () => {
  assert.deepEqual(findings(10, acks, read.slice(1)), ['record 0 is missing: nothing at 0@0'])
})

test('a record that is there twice', () => {
  assert.deepEqual(findings(10, acks, [...read, { ...read[0]!, offset: 5 }]), [
    'the record at 0@5 was not acked: a duplicate?',
  ])
})

test('two records that are swapped', () => {
  const swapped = [{ ...read[0]!, offset: 1 }, read[1]!, { ...read[2]!, offset: 0 }, ...read.slice(3)]
  assert.deepEqual(findings(10, acks, swapped), [
    'record 0 is missing: another one is at 0@0',
    'record 2 is missing: another one is at 0@1',
  ])
})

test('records that were acked in another order than they were sent', () => {
  const [a, b] = [acks[0]!, acks[2]!]
  const reordered = [
    { ...a, record: b.record },
    acks[1]!,
    { ...b, record: a.record },
    ...acks.slice(3),
  ] as Ack<number>[]
  const stored = [{ ...read[2]!, offset: 0 }, read[1]!, { ...read[0]!, offset: 1 }, ...read.slice(3)]
  assert.deepEqual(findings(10, reordered, stored), ['out of order: record 0 at 0@1 is behind record 2'])
})

test('a value, or a key, that is another one', () => {
  const changed = [{ ...read[0]!, value: Buffer.from('x') }, { ...read[1]!, key: null }, ...read.slice(2)]
  assert.equal(findings(10, acks, changed).length, 2)
})

test('a record without an answer, and one with two', () => {
  assert.deepEqual(findings(11, [...acks, acks[3]!], read), ['record 3 has two answers', '1 records have no answer'])
})

/** Record 10, which was not acked; the next to be stored is at 0@5. */
const failure = (persisted: 'no' | 'maybe', value = 'v10'): Ack<number> => ({
  kind: 'failed',
  error: new Error(),
  persisted,
  attempts: 1,
  record: { topic: 't', key: 'k10', value, metadata: 10 },
})
const copy = (offset: number, value = 'v10'): ReadRecord => ({
  partition: 0,
  offset,
  key: Buffer.from('k10'),
  value: Buffer.from(value),
})

test('a record that failed and may be stored: not there, or there once', () => {
  assert.deepEqual(findings(11, [...acks, failure('maybe')], read), [])
  assert.deepEqual(findings(11, [...acks, failure('maybe')], [...read, copy(5)]), [])
  assert.deepEqual(findings(11, [...acks, failure('maybe')], [...read, copy(5), copy(6)]), [
    'the record at 0@6 was not acked: a duplicate?',
  ])
})

test('a record that may be stored, and is out of order', () => {
  const moved = read.map(record => (record.partition === 0 ? { ...record, offset: record.offset + 1 } : record))
  const later = acks.map(ack =>
    ack.kind === 'acked' && ack.partition === 0 ? { ...ack, offset: ack.offset + 1n } : ack,
  )
  assert.deepEqual(findings(11, [...later, failure('maybe')], [...moved, copy(0)]), [
    'out of order: record 0 at 0@1 is behind record 10',
  ])
})

test('a record that was said not to be stored, and is there', () => {
  assert.deepEqual(findings(11, [...acks, failure('no')], [...read, copy(5)]), [
    'record 10 is at 0@5, and was said not to be stored',
  ])
})

test('a second copy of an acked record is a duplicate, also where one that may be stored is the same', () => {
  const twin: Ack<number> = { ...failure('maybe'), record: { ...acks[2]!.record, metadata: 10 } } as Ack<number>
  assert.deepEqual(findings(11, [...acks, twin], [...read, { ...read[2]!, offset: 5 }]), [
    'the record at 0@5 was not acked: a duplicate?',
  ])
})

test('a record of which nobody knows', () => {
  assert.deepEqual(findings(11, [...acks, failure('maybe')], [...read, copy(5, 'other')]), [
    'the record at 0@5 was not acked: a duplicate?',
  ])
})
