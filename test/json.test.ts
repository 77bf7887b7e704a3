import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { BrokerError, ConnectionError, KafkaError } from '../src/errors.js'
import { toPlain } from '../src/json.js'
import { brokerError, ErrorCode } from '../src/protocol/error-codes.js'

const json = (value: unknown): unknown => {
  const text = JSON.stringify(toPlain(value))
  return text === undefined ? undefined : JSON.parse(text)
}

const throws = (): never => {
  throw new Error('not readable')
}

describe('toPlain(): what JSON.stringify takes as it is', () => {
  it('comes out as JSON.stringify has it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
        assert.deepEqual(json(value), JSON.parse(JSON.stringify(value)))
      }),
    )
    for (const value of [
      null,
      undefined,
      Number.NaN,
      () => 1,
      Symbol('s'),
      { a: undefined, b: () => 1, c: [undefined, Symbol('s')] },
      new Date(0),
      new Date(Number.NaN),
      new URL('http://a/b'),
      Object.create(null),
      JSON.parse('{"__proto__": {"a": 1}}'),
      { toJSON: () => ({ toJSON: () => 5 }) },
    ]) {
      const text = JSON.stringify(value)
      assert.deepEqual(json(value), text === undefined ? undefined : JSON.parse(text))
    }
  })

  it('is not changed, and an object that is there twice is told twice', () => {
    const shared = { a: 1n }
    const value = Object.freeze({ one: shared, two: [shared] })
    assert.deepEqual(json(value), { one: { a: '1' }, two: [{ a: '1' }] })
    assert.equal(shared.a, 1n)
  })
})

describe('toPlain(): what JSON.stringify does not take', () => {
  it('bigints are strings, wherever they are', () => {
    assert.deepEqual(json([5n, { a: -1n }, new Map([['k', 2n ** 64n]]), new Set([1n])]), [
      '5',
      { a: '-1' },
      [['k', '18446744073709551616']],
      ['1'],
    ])
  })

  it('bytes are base64, cut beyond 1024 of them', () => {
    assert.equal(json(Buffer.from('hello')), 'aGVsbG8=')
    assert.equal(json(new Uint8Array([1, 2, 3]).subarray(1)), 'AgM=')
    assert.equal(json(new DataView(new ArrayBuffer(1))), 'AA==')
    assert.equal(json(Buffer.alloc(1024)), Buffer.alloc(1024).toString('base64'))
    assert.equal(json(Buffer.alloc(50_000_000)), `${Buffer.alloc(1024).toString('base64')}… (50000000 bytes)`)
  })

  it('circular objects, arrays and errors', () => {
    const object: Record<string, unknown> = { a: 1 }
    object.self = [object]
    assert.deepEqual(json(object), { a: 1, self: ['[Circular]'] })
    const error = new Error('one')
    error.cause = new Error('two', { cause: error })
    assert.deepEqual(json(error), {
      name: 'Error',
      message: 'one',
      cause: { name: 'Error', message: 'two', cause: '[Circular]' },
    })
    const own: object = { toJSON: () => ({ again: own }) }
    assert.deepEqual(json(own), { again: '[Circular]' })
    const same: object = { a: 1n, toJSON: () => same }
    assert.deepEqual(json(same), { a: '1' })
  })

  it('getters, proxies and toJSON() that throw', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const proxy = new Proxy({}, { ownKeys: throws })
    const half = new Proxy(
      { a: 1, b: 2 },
      { get: (target, key) => (key === 'b' ? throws() : Reflect.get(target, key)) },
    )
    const getter = {
      a: 1,
      get b() {
        return throws()
      },
    }
    assert.deepEqual(json([revoked.proxy, proxy, half, getter, { toJSON: throws }]), [
      '[Unreadable]',
      '[Unreadable]',
      { a: 1, b: '[Unreadable]' },
      { a: 1, b: '[Unreadable]' },
      '[Unreadable]',
    ])
  })

  it('is bounded: entries of one object, and objects in all', () => {
    assert.deepEqual((json(Array(1_000_000).fill(7)) as unknown[]).slice(198), [7, 7, '[…]'])
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i]))
    const shown = json(many) as Record<string, unknown>
    assert.equal(Object.keys(shown).length, 201)
    assert.equal(shown['[…]'], 100)
    let chain: Error | undefined
    for (let i = 0; i < 100_000; i++) chain = new Error(`${i}`, { cause: chain })
    let dag: object = {}
    for (let i = 0; i < 100; i++) dag = { left: dag, right: dag, again: dag }
    for (const large of [chain, dag]) assert.ok(JSON.stringify(toPlain(large)).length < 50_000)
  })

  it('is anything at all: it never throws', () => {
    const any = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withBoxedValues: true,
    })
    fc.assert(fc.property(any, value => void JSON.stringify(toPlain(value))))
  })
})

describe('toPlain(): errors', () => {
  it('tell their name, message, code and cause, whichever they have', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 9092 })
    assert.deepEqual(json(new ConnectionError('no connection', { cause: refused })), {
      name: 'ConnectionError',
      message: 'no connection',
      cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
    })
    assert.deepEqual(json(new BrokerError(brokerError(ErrorCode.NOT_LEADER_OR_FOLLOWER))), {
      name: 'BrokerError',
      message: new BrokerError(brokerError(ErrorCode.NOT_LEADER_OR_FOLLOWER)).message,
      code: 6,
      codeName: 'NOT_LEADER_OR_FOLLOWER',
      retriable: true,
    })
  })

  it('of several causes, of another realm, of the platform, and causes that are none', () => {
    assert.deepEqual(json(new AggregateError([new TypeError('a'), 5n], 'all')), {
      name: 'AggregateError',
      message: 'all',
      errors: [{ name: 'TypeError', message: 'a' }, '5'],
    })
    assert.deepEqual(json(runInNewContext('new RangeError("far")')), { name: 'RangeError', message: 'far' })
    assert.deepEqual(json(new DOMException('gone', 'AbortError')), { name: 'AbortError', message: 'gone', code: 20 })
    for (const [cause, shown] of [
      ['text', 'text'],
      [null, null],
      [5n, '5'],
      [{ a: 1n }, { a: '1' }],
    ]) {
      assert.deepEqual(json(new Error('x', { cause })), { name: 'Error', message: 'x', cause: shown })
    }
    assert.deepEqual(json(new Error('x', { cause: Symbol('s') })), { name: 'Error', message: 'x' })
  })

  it('whose message cannot be read', () => {
    const error = Object.defineProperty(new Error(), 'message', { get: throws })
    assert.deepEqual(json(error), { name: 'Error', message: '[Unreadable]' })
  })

  it('of this library give this to JSON.stringify by themselves', () => {
    const error = new KafkaError('outer', { cause: new Error('inner') })
    assert.equal(
      JSON.stringify({ error }),
      '{"error":{"name":"KafkaError","message":"outer","cause":{"name":"Error","message":"inner"}}}',
    )
    assert.deepEqual(Object.keys(error), ['name'], 'nothing more for spread and console')
  })
})
