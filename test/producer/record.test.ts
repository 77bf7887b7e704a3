import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Headers, headerPairs, type ProducerRecord, recordFault } from '../../src/producer/record.js'

const faultOf = (record: unknown): string | undefined => recordFault(record as ProducerRecord)?.message

test('what can be sent has no fault', () => {
  for (const record of [
    { topic: 't', value: null },
    { topic: 't', value: '' },
    { topic: 't', value: new Uint8Array(3), key: Buffer.from('k') },
    { topic: 't', value: 'v', key: null, partition: 0, timestamp: 0, headers: {} },
    { topic: 't', value: 'v', key: undefined, partition: undefined, timestamp: undefined, headers: undefined },
  ]) {
    assert.equal(faultOf(record), undefined, JSON.stringify(record))
  }
})

test('what cannot be sent says which field, what is wanted and what was given', () => {
  const cases: readonly [unknown, RegExp][] = [
    [undefined, /a record must be an object, got undefined/],
    ['text', /a record must be an object, got "text"/],
    [null, /a record must be an object/],
    [{ value: 'v' }, /`topic` must be a non-empty string, got undefined/],
    [{ topic: '', value: 'v' }, /`topic` must be a non-empty string, got ""/],
    [{ topic: 5, value: 'v' }, /`topic`.* got 5/],
    [{ topic: 't' }, /`value` must be a string, a Uint8Array or null, got undefined/],
    [{ topic: 't', value: 5 }, /`value`.* got 5/],
    [{ topic: 't', value: { a: 1 } }, /`value`.* got an object of class Object/],
    [{ topic: 't', value: [1] }, /`value`.* got an object of class Array/],
    [{ topic: 't', value: new Date(0) }, /`value`.* got an object of class Date/],
    [{ topic: 't', value: () => 'v' }, /`value`.* got a function/],
    [{ topic: 't', value: 'v', key: 5 }, /`key`.* got 5/],
    [{ topic: 't', value: 'v', partition: -1 }, /`partition` must be an integer from 0, got -1/],
    [{ topic: 't', value: 'v', partition: 1.5 }, /`partition`.* got 1.5/],
    [{ topic: 't', value: 'v', partition: '1' }, /`partition`.* got "1"/],
    [{ topic: 't', value: 'v', timestamp: new Date(0) }, /`timestamp`.* got an object of class Date/],
    [{ topic: 't', value: 'v', timestamp: -1 }, /`timestamp`.* got -1/],
    [{ topic: 't', value: 'v', timestamp: Number.NaN }, /`timestamp`.* got NaN/],
  ]
  for (const [record, expected] of cases) assert.match(faultOf(record) ?? 'no fault', expected)
})

test('headers: an object, pairs, a Map, an iterator that can be read once', () => {
  const pairs = [
    ['a', '1'],
    ['b', null],
  ] as const
  assert.deepEqual(headerPairs({ a: '1', b: null }), pairs)
  assert.deepEqual(headerPairs(pairs), pairs)
  assert.deepEqual(headerPairs(new Map<string, string | null>(pairs)), pairs)
  assert.deepEqual(headerPairs(pairs.values()), pairs)
  const repeated = [
    ['a', '1'],
    ['a', new Uint8Array(1)],
  ] as const
  assert.deepEqual(headerPairs(repeated), repeated, 'a name may come twice')
})

test('headers that cannot be sent', () => {
  const cases: readonly [unknown, RegExp][] = [
    [null, /`headers` must be an object or an iterable/],
    ['a=b', /`headers` must be an object or an iterable/],
    [['a'], /\[name, value\] pairs.* got "a"/],
    [[[1, 'v']], /pairs with a string as name/],
    [{ a: 5 }, /header "a" must be a string, a Uint8Array or null, got 5/],
    [{ a: undefined }, /header "a".* got undefined/],
  ]
  for (const [headers, expected] of cases) {
    const result = headerPairs(headers as Headers)
    assert.ok(result instanceof Error)
    assert.match(result.message, expected)
  }
})
