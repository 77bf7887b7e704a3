import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PRODUCE_SPEC } from '../../src/cli/commands/produce-spec.js'
import { PROPERTY_NAMES } from '../../src/cli/config/kafka-names.js'
import { producerOptionsOf } from '../../src/cli/config/producer-options.js'
import { readProperties } from '../../src/cli/config/properties.js'
import { readSettings } from '../../src/cli/config/read-settings.js'
import { readFlags } from '../../src/cli/flags/read-flags.js'
import { startCluster } from '../../src/testing/index.js'
import { cert, key, renewed } from '../support/certificate.js'
import { runHere, tempFolder, values } from './support/command.js'

const file = tempFolder()

/** The producer's options, and the warnings. */
async function read(args: readonly string[], env: Record<string, string> = {}) {
  const warnings: string[] = []
  const settings = await readSettings(readFlags(PRODUCE_SPEC, args), env, message => warnings.push(message))
  return { options: (await producerOptionsOf(settings)) as unknown as Record<string, unknown>, warnings }
}

let files = 0

/** The same for the lines of a properties file. */
function ofFile(...lines: readonly string[]) {
  return read(['-F', file(`${++files}.properties`, `${['bootstrap.servers=h:1', ...lines].join('\n')}\n`)])
}

const refused = (promise: Promise<unknown>, message: RegExp | string) =>
  assert.rejects(promise, { message, exitCode: 2 })

test('properties files as Java reads them', () => {
  const text = [
    '\ufeff# comment',
    '! another',
    '',
    '  a=1',
    'b : two words ',
    'c\tthree',
    'd=x\\',
    '   y\\\\',
    'e\\=\\:f=\\u20ac\\n',
    'g',
    'h==',
    'i=\\',
  ].join('\r\n')
  assert.deepEqual(
    readProperties(text).map(({ name, value, line }) => [name, value, line]),
    [
      ['a', '1', 4],
      ['b', 'two words ', 5],
      ['c', 'three', 6],
      ['d', 'xy\\', 7],
      ['e=:f', '€\n', 9],
      ['g', '', 10],
      ['h', '=', 11],
      ['i', '', 12],
    ],
  )
})

test('a flag wins over --property, that over the environment, and that over the file', async () => {
  const path = file(
    'order.properties',
    'bootstrap.servers=file:1\nlinger.ms=1\nbatch.size=1\nretries=1\nclient.id=file\n',
  )
  const env = { RX_KAFKA_CONFIG: path, RX_KAFKA_LINGER: '2', RX_KAFKA_BATCH_SIZE: '2', RX_KAFKA_RETRIES: '2' }
  const { options, warnings } = await read(['-X', 'linger.ms=3', '-X', 'batch.size=3', '--linger', '4'], env)
  assert.deepEqual(
    [options.linger, options.batchSize, options.retries, options.clientId, options.brokers],
    [4, 3, 2, 'file', ['file:1']],
  )
  assert.deepEqual(warnings, [])
})

test("Java's names", async () => {
  const { options, warnings } = await ofFile(
    'security.protocol=SASL_SSL',
    'sasl.mechanism=SCRAM-SHA-512',
    'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\',
    '  username="a\\\\"pp" password=\'p;w\';',
    'acks=-1',
    'enable.idempotence=true',
    'key.serializer=org.apache.kafka.common.serialization.StringSerializer',
    'compression.type=gzip',
    'compression.gzip.level=9',
    'max.in.flight.requests.per.connection=5',
    'delivery.timeout.ms=60000',
    'partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner',
    'allow.auto.create.topics=false',
  )
  const { partitioner, ...rest } = options
  assert.deepEqual(warnings, [])
  assert.equal(typeof partitioner, 'function')
  assert.deepEqual(rest, {
    ...{ brokers: ['h:1'], ssl: true, acks: 'all', compression: { codec: 'gzip', level: 9 }, maxInFlight: 5 },
    ...{ deliveryTimeoutMs: 60_000, allowAutoTopicCreation: false },
    sasl: { mechanism: 'scram-sha-512', username: 'a"pp', password: 'p;w' },
  })
})

test("librdkafka's names", async () => {
  const { options } = await ofFile(
    'security.protocol=sasl_ssl',
    'sasl.mechanisms=PLAIN',
    'sasl.username=app',
    'sasl.password=secret',
    'ssl.endpoint.identification.algorithm=https',
    'queue.buffering.max.ms=0.5',
    'queue.buffering.max.kbytes=1024',
    'compression.codec=lz4',
    'compression.level=3',
    'partitioner=consistent_random',
    'message.timeout.ms=5000',
  )
  const { partitioner, ...rest } = options
  assert.equal(typeof partitioner, 'function')
  assert.deepEqual(rest, {
    ...{ brokers: ['h:1'], ssl: true, linger: 1, bufferMemory: 1_048_576, compression: 'lz4', deliveryTimeoutMs: 5000 },
    sasl: { mechanism: 'plain', username: 'app', password: 'secret' },
  })
})

test('names that nobody knows: misspelled ones are refused, others ignored with a warning that has them all', async () => {
  await refused(ofFile('lingr.ms=5'), /^.*\.properties:2: there is no property lingr\.ms; did you mean linger\.ms\?$/)
  const { warnings } = await ofFile('group.id=g', 'auto.offset.reset=earliest', 'reconnect.backoff.ms=1')
  assert.match(
    warnings.join(),
    /^.*\.properties: ignored, as rx-kafka has nothing of the kind: group\.id, auto\.offset\.reset, reconnect\.backoff\.ms$/,
  )
  const { warnings: fromEnv } = await read(['-b', 'h:1'], { RX_KAFKA_LINGR: '5', RX_KAFKA_HOME: '/', OTHER: '' })
  assert.deepEqual(fromEnv, [
    'the variable RX_KAFKA_LINGR is ignored; did you mean RX_KAFKA_LINGER?',
    'the variable RX_KAFKA_HOME is ignored',
  ])
})

test('values that cannot be used name what the user wrote', async () => {
  await refused(read(['-b', 'h:1', '--linger', '1s']), "--linger must be a whole number, not '1s'")
  await refused(read(['-b', 'h:1'], { RX_KAFKA_LINGER: '1s' }), "RX_KAFKA_LINGER must be a whole number, not '1s'")
  await refused(ofFile('linger.ms=1s'), /^linger\.ms \(.*\.properties:2\) must be a whole number, not '1s'$/)
  await refused(read(['-b', 'h:1'], { RX_KAFKA_SSL: 'yes' }), "RX_KAFKA_SSL must be true, false, not 'yes'")
  await refused(ofFile('sasl.mechanism=GSSAPI'), /^sasl\.mechanism \(.*:2\) must be plain, .*, not 'gssapi'$/)
  await refused(ofFile('acks=1'), /^acks \(.*:2\) must be all, not '1'$/)
  await refused(ofFile('enable.idempotence=false'), /:2: enable\.idempotence is 'false', but this producer is always/)
  await refused(ofFile('security.protocol=TLS'), /:2: security\.protocol is 'TLS', but it must be PLAINTEXT, SSL/)
  await refused(ofFile('ssl.truststore.location=/a/b.jks'), /:2: ssl\.truststore\.location is a key store of Java's/)
  await refused(ofFile('sasl.jaas.config=x'), /:2: sasl\.jaas\.config must be MODULE required/)
  await refused(ofFile('sasl.jaas.config=a.Krb5LoginModule required;'), /names Krb5LoginModule; PlainLoginModule/)
  await refused(ofFile('partitioner.class=com.acme.Mine'), /is 'com\.acme\.Mine', a class of Java/)
  await refused(read(['-F', 'no such file']), /^--config: no such file can't be read: ENOENT/)
  await refused(read(['-b', 'h:1', '-X', 'linger.ms']), "--property is 'linger.ms', but it must be NAME=VALUE")
  await refused(
    read([]),
    /^no brokers: --brokers HOST:PORT, RX_KAFKA_BROKERS, or bootstrap\.servers in a --config file/,
  )
})

test("what createProducer() refuses is said in the user's words", async () => {
  const produce = (...args: string[]) => runHere(['produce', '-t', 't', ...args], { stdin: '' })
  for (const [args, message] of [
    [
      ['-b', 'h:1', '--max-in-flight', '9'],
      /^rx-kafka: --max-in-flight is 9, but it must be an integer from 1 to 5\n$/,
    ],
    [
      ['-b', 'h:1', '-X', 'batch.size=9000', '--max-request-size', '5000'],
      /^rx-kafka: batch\.size \(--property\) is 9000, but it must not exceed --max-request-size \(5000\)\n$/,
    ],
    [['-b', 'h:x'], /^rx-kafka: --brokers is 'h:x', but it must be an array of 'host:port', and a port is/],
    [['-b', 'h:1', '-z', 'gzip:10'], /^rx-kafka: --compression: level is 10, but/],
    [['-b', 'h:1', '--ssl-ca', '/dev/null', '--ssl-key', 'package.json'], /^rx-kafka: --ssl can't be used: /],
  ] as const) {
    const { code, stderr } = await produce(...args)
    assert.match(stderr, message)
    assert.equal(code, 2, stderr)
  }
})

test('secrets come from the environment or a file, never from an argument', async () => {
  const login = ['-b', 'h:1', '--sasl-mechanism', 'plain', '--sasl-username', 'app']
  const password = async (args: readonly string[], env: Record<string, string> = {}) =>
    ((await read([...login, ...args], env)).options.sasl as { password: string }).password
  const path = file('password', 'from file\n')
  assert.equal(await password(['--sasl-password-file', path]), 'from file')
  assert.equal(await password([], { RX_KAFKA_SASL_PASSWORD: 'from env' }), 'from env')
  assert.equal(await password([], { RX_KAFKA_SASL_PASSWORD_FILE: path }), 'from file')
  await refused(
    read([...login, '--sasl-password', 'x']),
    /^there is no flag --sasl-password of produce; did you mean --sasl-password-file\?$/,
  )
  await refused(
    read([...login, '-X', 'sasl.password=x']),
    /^--property sasl\.password holds a secret, .* use RX_KAFKA_SASL_PASSWORD, --sasl-password-file or --config$/,
  )
  await refused(read(login), '--sasl-mechanism plain needs --sasl-password-file, or RX_KAFKA_SASL_PASSWORD')
  await refused(
    read(['-b', 'h:1', '--sasl-username', 'app']),
    /^--sasl-username is set without a mechanism: --sasl-mechanism plain, /,
  )
})

test('tokens of an OpenID Connect provider', async () => {
  const env = { RX_KAFKA_OAUTH_CLIENT_SECRET: 's' }
  const args = ['-b', 'h:1', '--sasl-mechanism', 'oauthbearer', '--oauth-token-url', 'https://login.example.com/token']
  const { options } = await read([...args, '--oauth-client-id', 'app', '--oauth-scope', 'kafka'], env)
  assert.equal((options.sasl as { mechanism: string }).mechanism, 'oauthbearer')
  await refused(read(args, env), '--sasl-mechanism oauthbearer needs --oauth-client-id, or RX_KAFKA_OAUTH_CLIENT_ID')
})

test('every property is translated, or implied', async () => {
  assert.ok(PROPERTY_NAMES.length > 60)
  for (const name of PROPERTY_NAMES) {
    const outcome = await read(['-b', 'h:1', '-X', `${name}=5`]).catch((error: Error) => error)
    if (outcome instanceof Error)
      assert.ok((outcome as { exitCode?: number }).exitCode === 2, `${name}: ${outcome.message}`)
    else assert.deepEqual(outcome.warnings, [], name)
  }
})

test('TLS and a log-in by a properties file, as a managed cluster gives it', async () => {
  await using cluster = await startCluster({
    ...{ topics: { t: { partitions: 1 } }, ssl: { key, cert }, sasl: { users: { app: 'p=w d' } } },
  })
  const properties = [
    `bootstrap.servers = ${cluster.brokers.join(',')}`,
    'security.protocol = SASL_SSL',
    'sasl.mechanism = PLAIN',
    'sasl.jaas.config = org.apache.kafka.common.security.plain.PlainLoginModule required username="app" password="p=w d";',
    `ssl.ca.location = ${file('ca.pem', cert)}`,
    'client.dns.lookup = use_all_dns_ips',
    'session.timeout.ms = 45000',
  ]
  const path = file('client.properties', `${properties.join('\n')}\n`)
  const { code, stderr } = await runHere(['produce', '-F', path, '-t', 't'], { stdin: 'x\n' })
  assert.equal(code, 0, stderr)
  assert.deepEqual(values(cluster, 't'), ['x'])
  const untrusting = await runHere(['produce', '-F', path, '-t', 't', '--ssl-ca', file('other.pem', renewed.cert)], {
    stdin: 'x\n',
  })
  assert.equal(untrusting.code, 4, untrusting.stderr)
})
