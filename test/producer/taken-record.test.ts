import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { Headers, ProducerRecord } from '../../src/producer/model/record.js'
import { show, takeRecord } from '../../src/producer/records/read-record.js'
import { taken } from '../support/taken.js'

const faultOf = (record: unknown): string | undefined => {
  const result = takeRecord(record as ProducerRecord)
  return result instanceof Error ? result.message : undefined
}
const headersOf = (headers: unknown): unknown => taken({ topic: 't', value: '', headers: headers as Headers }).headers

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
    [Symbol('s'), /a record must be an object, got Symbol\(s\)/],
    [{ value: 'v' }, /`topic` must be a non-empty string, got undefined/],
    [{ topic: '', value: 'v' }, /`topic` must be a non-empty string, got ""/],
    [{ topic: 5, value: 'v' }, /`topic`.* got 5/],
    [{ topic: Symbol('s'), value: 'v' }, /`topic`.* got Symbol\(s\)/],
    [{ topic: 't' }, /`value` must be a string, a Uint8Array or null, got undefined/],
    [{ topic: 't', value: 5 }, /`value`.* got 5/],
    [{ topic: 't', value: { a: 1 } }, /`value`.* got an object of class Object/],
    [{ topic: 't', value: [1] }, /`value`.* got an object of class Array/],
    [{ topic: 't', value: new Date(0) }, /`value`.* got an object of class Date/],
    [{ topic: 't', value: new Uint16Array(1) }, /`value`.* got an object of class Uint16Array/],
    [{ topic: 't', value: new DataView(new ArrayBuffer(1)) }, /`value`.* got an object of class DataView/],
    [{ topic: 't', value: Object.create(Uint8Array.prototype) }, /`value`.* got an object of class Uint8Array/],
    [{ topic: 't', value: new Proxy(new Uint8Array(1), {}) }, /`value`.* got an object of class Uint8Array/],
    [{ topic: 't', value: Promise.resolve('v') }, /`value`.* got an object of class Promise/],
    [{ topic: 't', value: () => 'v' }, /`value`.* got a function/],
    [{ topic: 't', value: 'v', key: 5 }, /`key`.* got 5/],
    [{ topic: 't', value: 'v', partition: -1 }, /`partition` must be an integer from 0, got -1/],
    [{ topic: 't', value: 'v', partition: 1.5 }, /`partition`.* got 1.5/],
    [{ topic: 't', value: 'v', partition: '1' }, /`partition`.* got "1"/],
    [{ topic: 't', value: 'v', partition: 'length' }, /`partition`.* got "length"/],
    [{ topic: 't', value: 'v', timestamp: new Date(0) }, /`timestamp`.* got an object of class Date/],
    [{ topic: 't', value: 'v', timestamp: -1 }, /`timestamp`.* got -1/],
    [{ topic: 't', value: 'v', timestamp: Number.NaN }, /`timestamp`.* got NaN/],
    [{ topic: 't', value: 'v', timestamp: 5n }, /`timestamp`.* got 5/],
  ]
  for (const [record, expected] of cases) assert.match(faultOf(record) ?? 'no fault', expected)
})

test('a field that throws is named, with what it threw', () => {
  const fields = ['topic', 'value', 'key', 'partition', 'timestamp', 'headers']
  for (const field of fields) {
    for (const thrown of [new Error('boom'), 'boom', Symbol('boom'), Object.create(null)]) {
      const record = { topic: 't', value: 'v' }
      Object.defineProperty(record, field, {
        get() {
          throw thrown
        },
      })
      assert.match(
        faultOf(record) ?? 'no fault',
        new RegExp(`^this record was not sent: \`${field}\` could not be read: `),
      )
    }
  }
  const { proxy, revoke } = Proxy.revocable({ topic: 't', value: 'v' }, {})
  revoke()
  assert.match(faultOf(proxy) ?? 'no fault', /`topic` could not be read/)
  const headers: Record<string, unknown> = {
    'a getter': Object.defineProperty({}, 'h', { enumerable: true, get: () => assert.fail('boom') }),
    'an iterable': { [Symbol.iterator]: () => assert.fail('boom') },
    'an iterator': { [Symbol.iterator]: () => ({ next: () => assert.fail('boom') }) },
    'a pair': [new Proxy(['h', 'v'], { get: () => assert.fail('boom') })],
    'a revoked proxy': proxy,
  }
  for (const [what, value] of Object.entries(headers))
    assert.match(faultOf({ topic: 't', value: 'v', headers: value }) ?? 'no fault', /`headers` could not be read/, what)
})

test('each field is read once', () => {
  const reads: string[] = []
  const watched = <T extends object>(what: string, object: T): T =>
    new Proxy(object, {
      get(target, name, receiver) {
        if (typeof name === 'string') reads.push(`${what}${name}`)
        return Reflect.get(target, name, receiver)
      },
    })
  const fields = { topic: 't', key: 'k', value: 'v', partition: 0, timestamp: 1 }
  const record = taken(watched('', { ...fields, headers: [watched('pair ', ['h', 'v'])] as never }))
  assert.deepEqual(reads.sort(), ['headers', 'key', 'pair 0', 'pair 1', 'partition', 'timestamp', 'topic', 'value'])
  assert.deepEqual(record.headers, [['h', 'v']])
})

test('a copy has bytes of its own, of arrays of every kind and realm', () => {
  class Lying extends Uint8Array {
    override get byteLength(): number {
      return 1
    }
    override get length(): number {
      return 1
    }
  }
  const arrays: Record<string, Uint8Array> = {
    Buffer: Buffer.from('abc'),
    'a view': new Uint8Array(new Uint8Array([0, 97, 98, 99, 0]).buffer, 1, 3),
    'a shared view': new Uint8Array(new SharedArrayBuffer(3)),
    'another realm': runInNewContext('new Uint8Array([97, 98, 99])'),
    'a subclass': new Lying([97, 98, 99]),
  }
  arrays['a shared view']!.set([97, 98, 99])
  for (const [what, bytes] of Object.entries(arrays)) {
    const copy = taken({ topic: 't', key: bytes, value: bytes, headers: [['h', bytes]] })
    bytes.fill(0)
    const { key, value, headers } = copy
    for (const own of [key, value, headers?.[0]?.[1]]) assert.equal(String(own), 'abc', what)
  }
})

test('headers: an object, pairs, a Map, an iterator that can be read once', () => {
  const pairs = [
    ['a', '1'],
    ['b', null],
  ] as const
  assert.deepEqual(headersOf({ a: '1', b: null }), pairs)
  assert.deepEqual(headersOf(Object.assign(Object.create(null), { a: '1', b: null })), pairs)
  assert.deepEqual(headersOf(pairs), pairs)
  assert.deepEqual(headersOf(new Map<string, string | null>(pairs)), pairs)
  assert.deepEqual(headersOf(pairs.values()), pairs)
  assert.deepEqual(headersOf(new globalThis.Headers({ a: '1' })), [['a', '1']])
  // biome-ignore lint/suspicious/noThenProperty: a header may have any name.
  assert.deepEqual(headersOf({ then: '1' }), [['then', '1']])
  assert.deepEqual(headersOf(runInNewContext('({ a: "1" })')), [['a', '1']])
  const repeated = [
    ['a', '1'],
    ['a', Buffer.alloc(1)],
  ] as const
  assert.deepEqual(headersOf(repeated), repeated, 'a name may come twice')
})

test('headers that cannot be sent', () => {
  const cases: readonly [unknown, RegExp][] = [
    [null, /`headers` must be an object or an iterable/],
    ['a=b', /`headers` must be an object or an iterable/],
    [Promise.resolve({ a: '1' }), /`headers` must be .* got an object of class Promise/],
    // biome-ignore lint/suspicious/noThenProperty: that is what a promise of another library looks like.
    [{ then: () => {} }, /`headers` must be .* got an object of class Object/],
    [(async function* () {})(), /`headers` must be an object or an iterable/],
    [{ [Symbol.asyncIterator]: () => {} }, /`headers` must be an object or an iterable/],
    [new Date(0), /`headers` must be .* got an object of class Date/],
    [new ArrayBuffer(1), /`headers` must be .* got an object of class ArrayBuffer/],
    [['a'], /\[name, value\] pairs.* got "a"/],
    [new Uint8Array(1), /\[name, value\] pairs.* got 0/],
    [[[1, 'v']], /pairs with a string as name/],
    [{ a: 5 }, /header "a" must be a string, a Uint8Array or null, got 5/],
    [{ a: undefined }, /header "a".* got undefined/],
    [[['a', Promise.resolve('v')]], /header "a".* got an object of class Promise/],
  ]
  for (const [headers, expected] of cases)
    assert.match(faultOf({ topic: 't', value: 'v', headers }) ?? 'no fault', expected)
})

test('any value can be shown', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const shown: readonly [unknown, string][] = [
    ['x'.repeat(200), `"${'x'.repeat(100)}…"`],
    [5n, '5'],
    [Symbol('s'), 'Symbol(s)'],
    [null, 'null'],
    [Object.create(null), 'an object of class none'],
    [proxy, 'an unreadable object'],
    [{ constructor: Object.defineProperty(() => {}, 'name', { value: Symbol('s') }) }, 'an unreadable object'],
    [class {}, 'a function'],
  ]
  for (const [value, text] of shown) assert.equal(show(value), text)
})
