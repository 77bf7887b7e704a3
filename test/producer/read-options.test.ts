import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { of } from 'rxjs'
import { createProducer, InvalidArgumentError, type ProducerOptions, serializers } from '../../src/index.js'
import { resolveOptions } from '../../src/producer/options/options.js'
import { checkSendOptions } from '../../src/producer/records/serializer.js'
import { readOptions } from '../../src/read-options.js'
import { startCluster } from '../../src/testing/index.js'

const brokers = ['localhost:9092']

/** The same option, from wherever options can come. */
const SOURCES: Readonly<Record<string, (name: string, value: unknown, rest?: object) => object>> = {
  'a default that is inherited': (name, value, rest) => Object.assign(Object.create({ [name]: value }), rest),
  'a default behind another one': (name, value, rest) =>
    Object.assign(Object.create(Object.create({ [name]: value })), rest),
  'a getter of a class': (name, value, rest) => {
    class Config {}
    Object.defineProperty(Config.prototype, name, { get: () => value })
    return Object.assign(new Config(), rest)
  },
  'a getter of its own': (name, value, rest) => Object.defineProperty({ ...rest }, name, { get: () => value }),
  'a property that is not enumerable': (name, value, rest) => Object.defineProperty({ ...rest }, name, { value }),
  'a proxy': (name, value, rest) => new Proxy({ [name]: value, ...rest }, {}),
}

for (const [source, make] of Object.entries(SOURCES)) {
  describe(`options from ${source}`, () => {
    test('are taken', () => {
      assert.equal(resolveOptions(make('maxInFlight', 2, { brokers }) as ProducerOptions).maxInFlight, 2)
      assert.deepEqual(resolveOptions(make('brokers', brokers) as ProducerOptions).bootstrap.length, 1)
    })

    test('are checked', () => {
      for (const [name, value, text] of [
        ['maxInFlight', 999, /option `maxInFlight` is 999, but it must be an integer from 1 to 5/],
        ['retryBackoffMs', -1, /option `retryBackoffMs` is -1/],
        ['maxInFlght', 1, /there is no option `maxInFlght`/],
        ['signal', 5, /option `signal` is 5/],
        ['ssl', 'yes', /option `ssl` must be true, false, an object/],
        ['sasl', make('mechanism', 'plane'), /option `sasl.mechanism` is 'plane'/],
        [
          'sasl',
          make('passwort', 'p', { mechanism: 'plain', username: 'u', password: 'p' }),
          /there is no option `sasl.passwort`/,
        ],
        ['sasl', make('username', '', { mechanism: 'plain', password: 'p' }), /option `sasl.username` must be/],
        ['ssl', make('lookup', 5), /option `ssl.lookup` is 5/],
        ['ssl', make('ciphers', 5), /option `ssl` can't be used/],
      ] as const) {
        assert.throws(
          () => createProducer(make(name, value, { brokers }) as ProducerOptions),
          error => error instanceof InvalidArgumentError && text.test(error.message),
          `${name}: ${text}`,
        )
      }
    })

    test('are checked by every method', async () => {
      await using producer = createProducer({ brokers })
      const bad = make('signal', 5)
      const unknown = make('singal', 5)
      for (const call of [
        (options: object) => producer.send(options),
        (options: object) => producer.sendBatches(options),
        (options: object) => producer.publish(of(), options),
        (options: object) => producer.sendOne({ topic: 't', value: '' }, options),
        (options: object) => producer.flush(options),
        (options: object) => producer.connect(options),
        (options: object) => producer.close(options),
        (options: object) => producer.writable(options),
        (options: object) => producer.duplex(options),
        (options: object) => producer.webWritable(options),
        (options: object) => producer.webTransform(options),
      ]) {
        assert.throws(() => call(bad), /option `signal` is 5, but it must be an AbortSignal/, String(call))
        assert.throws(() => call(unknown), /there is no option `singal`/, String(call))
      }
      assert.throws(() => producer.writable(make('onFailed', 5)), /option `onFailed` is 5/)
      assert.throws(() => producer.send(make('key', 5, { topic: 't' }) as never), /option `key` is 5/)
    })

    test('are checked by startCluster()', async () => {
      await assert.rejects(startCluster(make('nodes', 0)), /option `nodes` is 0/)
      await assert.rejects(startCluster(make('node', 1)), /there is no option `node` of startCluster\(\)/)
      await assert.rejects(startCluster({ topics: { t: make('partitions', 0) } }), /a topic needs 1 partition/)
      await assert.rejects(
        startCluster({ topics: { t: make('partition', 1) } }),
        /there is no option `partition` of a topic/,
      )
      await assert.rejects(
        startCluster({ sasl: make('sessionLifetimeMs', -1, { users: {} }) as never }),
        /option `sasl.sessionLifetimeMs` is -1/,
      )
    })
  })
}

test('each option is read once: what was checked is what is used', () => {
  const reads = new Map<string, number>()
  const values: Record<string, readonly unknown[]> = {
    brokers: [brokers, []],
    maxInFlight: [3, 999],
    linger: [7, -1],
    retryBackoffMs: [50, 0],
    sasl: [{ mechanism: 'plain', username: 'u', password: 'p' }, undefined],
    ssl: [true, 'no'],
  }
  const options = {}
  for (const [name, given] of Object.entries(values)) {
    Object.defineProperty(options, name, {
      enumerable: true,
      get: () => {
        const count = reads.get(name) ?? 0
        reads.set(name, count + 1)
        return given[Math.min(count, 1)]
      },
    })
  }
  const { maxInFlight, linger, retryBackoffMs, bootstrap } = resolveOptions(options as ProducerOptions)
  assert.deepEqual([maxInFlight, linger, retryBackoffMs, bootstrap.length], [3, 7, 50, 1])
  assert.deepEqual(Object.fromEntries(reads), Object.fromEntries(Object.keys(values).map(name => [name, 1])))
})

test('methods of a class keep the object that they are called on', () => {
  class Mapping {
    readonly #prefix = 'k'
    get topic(): string {
      return 't'
    }
    key(data: string): string {
      return this.#prefix + data
    }
    get value() {
      return serializers.string
    }
  }
  const options = checkSendOptions('send', new Mapping())
  assert.equal(options.topic, 't')
  assert.equal(options.key('1'), 'k1')
})

test('what all objects have is no option, and what is a key of JSON is', () => {
  class Config {
    readonly brokers = brokers
    toString(): string {
      return 'a config'
    }
  }
  assert.deepEqual(Object.keys(readOptions(new Config())), ['brokers'])
  assert.deepEqual(readOptions(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  const parsed = JSON.parse('{"brokers":["a:1"],"__proto__":{"maxInFlight":999}}')
  assert.throws(() => createProducer(parsed), /there is no option `__proto__`/)
})
