import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { createProducer, InvalidArgumentError, type ProducerOptions } from '../../src/index.js'
import { resolveOptions } from '../../src/producer/options/options.js'
import { processScheduler } from '../../src/producer/time/process-scheduler.js'
import { lazy } from '../../src/protocol/compression/codec.js'
import { CODECS } from '../../src/protocol/compression/codecs.js'
import { TcpTransport } from '../../src/transport/tcp.js'
import { cert } from '../support/certificate.js'

const brokers = ['localhost:9092']
const refused = (options: Record<string, unknown>, ...words: (string | RegExp)[]): void => {
  assert.throws(
    () => createProducer({ brokers, ...options } as unknown as ProducerOptions),
    (error: unknown) => {
      assert.ok(error instanceof InvalidArgumentError, String(error))
      for (const word of words) assert.match(error.message, word instanceof RegExp ? word : new RegExp(word))
      return true
    },
  )
}

test('only brokers is needed; idempotence, acks, retries and window come by themselves', () => {
  const options = resolveOptions({ brokers })
  assert.equal(options.acks, 'all')
  assert.equal(options.maxInFlight, 4)
  assert.equal(options.retries, 2147483647)
  assert.equal(options.scheduler, processScheduler)
  assert.deepEqual(options.bootstrap, [{ host: 'localhost', port: 9092 }])
})

test('what contradicts idempotence is refused with the option, the value and the rule', () => {
  refused({ acks: 1 }, '`acks` is 1', "'all'")
  refused({ acks: 0 }, '`acks` is 0', "'all'")
  refused({ retries: 0 }, '`retries` is 0', 'from 1')
  refused({ maxInFlight: 0 }, '`maxInFlight` is 0', 'from 1 to 5')
  refused({ maxInFlight: 6 }, '`maxInFlight` is 6', 'from 1 to 5')
})

test('every numeric option has a type and a range', () => {
  const lowest: Record<string, number> = {
    retries: 1,
    maxInFlight: 1,
    linger: 0,
    batchSize: 1,
    maxRequestSize: 1024,
    bufferMemory: 1524,
    requestTimeoutMs: 1,
    deliveryTimeoutMs: 1,
    connectTimeoutMs: 1,
    retryBackoffMs: 1,
    retryBackoffMaxMs: 1,
    metadataMaxAgeMs: 1,
    metadataMaxIdleMs: 1,
    metadataRecoveryRebootstrapTriggerMs: 0,
    maxResponseBytes: 1024,
  }
  for (const [name, least] of Object.entries(lowest)) {
    for (const value of [least - 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 2 ** 53]) {
      refused({ [name]: value }, `\`${name}\` is `, 'must be an integer from')
    }
  }
})

test('every other option has a type', () => {
  for (const [name, values] of Object.entries({
    clientId: ['', 5, null, Symbol('x'), Object.create(null)],
    overflow: ['drop', true],
    stalledOverflow: ['error', true],
    compression: ['lzma', 2, {}, { codec: 'gzip', levels: 3 }, { level: 3 }, []],
    partitioner: ['murmur2', {}],
    allowAutoTopicCreation: ['yes', 1],
    scheduler: [{}, 5],
    transport: [{}, 'tls'],
    random: [0.5],
  })) {
    for (const value of values) refused({ [name]: value }, `\`${name}\` is`, 'must be')
  }
})

test('an unknown option is refused, and the known ones are named', () => {
  refused({ lingerMs: 5 }, 'no option `lingerMs`', 'linger')
  refused({ toString: 5 }, 'no option `toString`')
})

test('an option that is undefined is as if it were not there', () => {
  assert.equal(resolveOptions({ brokers, linger: undefined } as never).linger, 0)
})

test('brokers: hosts, ports, IPv6; everything else is refused', () => {
  assert.deepEqual(
    resolveOptions({ brokers: ['a', 'b.c:1', '[::1]:19092', '[fe80::1]', '10.0.0.1:65535'] }).bootstrap,
    [
      { host: 'a', port: 9092 },
      { host: 'b.c', port: 1 },
      { host: '::1', port: 19092 },
      { host: 'fe80::1', port: 9092 },
      { host: '10.0.0.1', port: 65535 },
    ],
  )
  for (const value of [undefined, [], 'a:1', [5], ['a:0'], ['a:65536'], ['a:b'], ['a:'], [''], ['::1'], ['a:1:2']]) {
    refused({ brokers: value }, '`brokers` is', 'host:port')
  }
  assert.throws(() => createProducer(undefined as never), InvalidArgumentError)
})

test('brokers: what can be no host name is refused at once, with the rule', () => {
  const label = 'a'.repeat(63)
  const hosts = ['a_b', '-a', 'broker.example.com.', 'kafka-0.Kafka.svc', 'bücher.example', '例え.テスト', label]
  const longest = [label, label, label, 'a'.repeat(61)].join('.')
  for (const host of [...hosts, longest]) {
    assert.deepEqual(resolveOptions({ brokers: [`${host}:1`] }).bootstrap, [{ host, port: 1 }], host)
  }
  assert.deepEqual(resolveOptions({ brokers: ['[fe80::1%eth0]:1'] }).bootstrap, [{ host: 'fe80::1%eth0', port: 1 }])

  const rule = /a host name is at most 253 letters, digits/
  for (const host of [
    'a/b',
    'a b',
    'a..b',
    '.a',
    '.',
    'a@b',
    'a!',
    "a'b",
    'a\0',
    'a\n',
    'a\ud800',
    '😀',
    'a]',
    '[::1',
  ]) {
    refused({ brokers: [host] }, rule)
    refused({ brokers: [`${host}:9092`] }, rule)
  }
  refused({ brokers: [`${label}a`] }, rule)
  refused({ brokers: [`${longest}a`] }, rule)
  // In ASCII it is xn--…, longer than 63.
  refused({ brokers: ['ü'.repeat(60)] }, rule)
  for (const address of ['[]', '[a]', '[1.2.3.4]', '[::1::]', '[fe80::1%]:1', '[::g]:9092']) {
    refused({ brokers: [address] }, 'brackets may hold only an IPv6 address')
  }
  refused({ brokers: ['::1'] }, "an IPv6 address needs brackets, such as '\\[::1\\]:9092'")
  refused({ brokers: ['kafka://a:1'] }, "without a scheme such as 'kafka://'")
})

test('brokers: a password in what was taken for an address is not repeated', () => {
  for (const given of [
    ['sasl://user:PW@host:9092'],
    ['user:PW@host:9092'],
    'sasl://user:PW@host:9092',
    ['kafka://host?password=PW'],
    [['sasl://user:PW@host:9092']],
    ['sasl://user:P@W\nPW@host:9092'],
  ]) {
    assert.throws(
      () => createProducer({ brokers: given as never }),
      (error: Error) => {
        assert.equal(error.name, 'InvalidArgumentError')
        assert.doesNotMatch(inspect(error), /PW/)
        assert.match(error.message, /^option `brokers` is .*…/)
        return true
      },
    )
  }
})

test('brokers: several in one string are refused, and the message says how to write them', () => {
  for (const entry of ['a,b', 'a:9092,b:9092', 'a;b:9092', 'a, b', 'a b', 'a:1 b:1']) {
    refused(
      { brokers: ['c', entry] },
      `\`brokers\` is '${entry}'`,
      /several brokers are several strings, such as \['a:9092'/,
    )
  }
})

test('clientId: what fits a STRING of the protocol, and is Unicode', () => {
  const longest = 'é'.repeat(16383)
  assert.equal(resolveOptions({ brokers, clientId: `${longest}a` }).clientId, `${longest}a`)
  for (const clientId of [`${longest}aa`, 'x'.repeat(40_000), 'a\ud800', '\udc00b']) {
    refused({ clientId }, '`clientId` is', 'at most 32767 bytes in UTF-8', /^.{1,300}$/)
  }
})

test('sasl: every mechanism has its options, and no message holds what must not be seen', () => {
  const secret = 'nobody may see this'
  const login = { username: 'alice', password: secret }
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    assert.equal(resolveOptions({ brokers, sasl: { mechanism, ...login } }).sasl?.name, mechanism.toUpperCase())
  }
  assert.equal(
    resolveOptions({ brokers, sasl: { mechanism: 'oauthbearer', token: () => '' } }).sasl?.name,
    'OAUTHBEARER',
  )
  assert.equal(resolveOptions({ brokers }).sasl, undefined)
  for (const [sasl, word] of [
    [`plain:alice:${secret}`, 'option `sasl` must be an object'],
    [null, 'option `sasl` must be an object'],
    [
      { ...login },
      '`sasl.mechanism` is undefined, but it must be .plain. or .scram-sha-256. or .scram-sha-512. or .oauthbearer.',
    ],
    [{ mechanism: 'GSSAPI', ...login }, '`sasl.mechanism` is .GSSAPI.'],
    [{ mechanism: 'toString', ...login }, '`sasl.mechanism` is .toString.'],
    [{ mechanism: 'plain', username: 'alice' }, '`sasl.password` must be a non-empty string'],
    [{ mechanism: 'plain', username: '', password: secret }, '`sasl.username` must be a non-empty string'],
    [{ mechanism: 'plain', username: 'alice', password: `${secret}\0` }, '`sasl.password` must be .* without NUL'],
    [{ mechanism: 'scram-sha-256', username: 5, password: secret }, '`sasl.username` must be'],
    [
      { mechanism: 'plain', user: 'alice', password: secret },
      'no option `sasl.user` with .plain.; the options are mechanism, username, password',
    ],
    [{ mechanism: 'oauthbearer', token: secret }, '`sasl.token` must be a function'],
    [{ mechanism: 'GSSAPI', authenticate: secret }, '`sasl.authenticate` must be a function'],
    [{ mechanism: 'gssapi', authenticate: () => {} }, '`sasl.mechanism` must be 1 to 20 of A to Z, 0 to 9, - and _'],
    [{ mechanism: 'X'.repeat(21), authenticate: () => {} }, '`sasl.mechanism` must be 1 to 20'],
    [{ mechanism: 5, authenticate: () => {} }, '`sasl.mechanism` must be 1 to 20'],
    [{ mechanism: 'GSSAPI', authenticate: () => {}, password: secret }, 'no option `sasl.password` with .GSSAPI.'],
    [{ mechanism: 'plain', ...login, authenticate: () => {} }, 'no option `sasl.authenticate` with .plain.'],
    [{ mechanism: 'oauthbearer', token: () => '', password: secret }, 'no option `sasl.password` with .oauthbearer.'],
  ] as const) {
    refused({ sasl }, word, new RegExp(`^(?!.*${secret})`, 's'))
  }
})

test('ssl: true, false, or what node:tls takes; what it can not take is refused now, and not shown', () => {
  for (const [ssl, plain] of [
    [undefined, true],
    [false, true],
    [true, false],
  ] as const) {
    const { transport } = resolveOptions({ brokers, ...(ssl !== undefined && { ssl }) })
    assert.equal(transport instanceof TcpTransport, plain)
  }
  assert.ok(resolveOptions({ brokers, ssl: { ca: cert, servername: 'broker.test' } }).transport)
  const pem = 'nobody may see this'
  refused({ ssl: pem }, 'option `ssl` must be true, false, an object', new RegExp(`^(?!.*${pem})`, 's'))
  refused({ ssl: null }, 'option `ssl` must be true')
  assert.ok(resolveOptions({ brokers, ssl: () => ({}) }).transport, 'a function is called for connections only')
  refused({ ssl: { key: pem } }, 'option `ssl` can.t be used', new RegExp(`^(?!.*${pem})`, 's'))
  refused({ ssl: true, transport: resolveOptions({ brokers }).transport }, '`ssl` can.t be set beside `transport`')
})

for (const [name, value, text] of [
  ['lookup', 5, 'option `ssl.lookup` is 5, but it must be a function'],
  ['checkServerIdentity', true, 'option `ssl.checkServerIdentity` is true, but it must be a function'],
  ['pskCallback', {}, 'option `ssl.pskCallback` is .*, but it must be a function'],
  ['minDHSize', '1024', "option `ssl.minDHSize` is '1024', but it must be a number"],
  ['localAddress', 'eth0', "option `ssl.localAddress` is 'eth0', but it must be an IP address"],
  ['ALPNProtocols', 5, 'option `ssl` can.t be used: '],
  ['ALPNProtocols', ['x'.repeat(300)], 'option `ssl` can.t be used: '],
  ['secureContext', {}, 'option `ssl` can.t be used: '],
  ['servername', 5, 'option `ssl` can.t be used: '],
  ['enableTrace', 'yes', 'option `ssl` can.t be used: '],
  ['ciphers', 5, 'option `ssl` can.t be used: '],
] as const) {
  test(`ssl: ${name}: ${inspect(value).slice(0, 20)} is refused now, not when the first connection is made`, () => {
    refused({ ssl: { [name]: value } as unknown as ProducerOptions['ssl'] }, text)
  })
}

test('compression: levels that a codec has not are refused, and so is a codec whose package is missing', () => {
  refused({ compression: { codec: 'gzip', level: 10 } }, '`compression.level` is 10', "from 1 to 9 for 'gzip'")
  refused({ compression: { codec: 'zstd', level: 0 } }, '`compression.level` is 0', "from 1 to 22 for 'zstd'")
  refused({ compression: { codec: 'lz4', level: 3 } }, '`compression.level` is 3', "'lz4' has no levels")
  refused({ compression: { codec: 'none', level: 3 } }, "'none' has no levels")
  const { lz4 } = CODECS
  const { load } = lz4
  const missing = lazy('lz4', 'lz4-napi', () => {
    throw new Error('not installed')
  })
  Object.assign(lz4, { load: missing })
  try {
    refused({ compression: 'lz4' }, 'npm install lz4-napi', 'not installed')
  } finally {
    Object.assign(lz4, { load })
  }
  for (const compression of ['none', { codec: 'gzip' }, { codec: 'zstd', level: 22 }, () => 'gzip' as const] as const) {
    assert.equal(
      typeof resolveOptions({ brokers, compression }).compression('t'),
      compression === 'none' ? 'undefined' : 'object',
    )
  }
})
