import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { Kafka, KafkaJSNonRetriableError } from '../../src/kafkajs/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { cert, key, renewed } from '../support/certificate.js'
import { APIS, client, connected, messages, QUICK, rejection, valuesIn } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }
const NOTHING = kafkajs.logLevel.NOTHING

/** Sends one message, and returns what is stored. */
async function roundTrip(cluster: TestCluster, config: Partial<kafkajs.KafkaConfig>): Promise<string[]> {
  const producer = await connected(cluster, {}, config)
  await producer.send({ topic: 't', messages: messages(1) })
  await producer.disconnect()
  return valuesIn(cluster, 't')
}

describe('what an idempotent producer cannot have is refused where it is asked for, with what to change', () => {
  const brokers = ['localhost:9092']
  const REFUSED: readonly (readonly [kafkajs.ProducerConfig, Partial<kafkajs.KafkaConfig>, RegExp])[] = [
    [{ maxInFlightRequests: 6 }, {}, /^maxInFlightRequests is 6, .* set 1 to 5, or leave it out for 4$/],
    [{ maxInFlightRequests: 0 }, {}, /^maxInFlightRequests is 0/],
    [{ retry: { retries: 0 } }, {}, /^Idempotent producer must allow retries .* set 1 or more, or leave it out/],
    [{}, { retry: { retries: 0 } }, /^Idempotent producer must allow retries/],
    [
      {},
      { sasl: { mechanism: 'kerberos' } as never },
      /^sasl\.mechanism is 'kerberos', which needs an `authenticationProvider`/,
    ],
    [{}, { brokers: [] }, /option `brokers`/],
    [{ metadataMaxAge: -1 }, {}, /option `metadataMaxAgeMs` is -1/],
    [{ transactionalId: '' }, {}, /option `transactionalId`/],
    [{}, { ssl: { cert: 'no certificate' } }, /option `ssl`/],
  ]
  for (const [config, clientConfig, message] of REFUSED) {
    test(`${JSON.stringify({ ...clientConfig, ...config })}`, () => {
      const kafka = new Kafka({ brokers, logLevel: NOTHING, ...clientConfig })
      assert.throws(
        () => kafka.producer(config),
        error => error instanceof KafkaJSNonRetriableError && message.test(error.message),
      )
    })
  }

  test('what kafkajs accepts besides is accepted', () => {
    const kafka = new Kafka({
      brokers,
      logLevel: NOTHING,
      connectionTimeout: 1000,
      authenticationTimeout: 1000,
      reauthenticationThreshold: 10_000,
      requestTimeout: 25_000,
      enforceRequestTimeout: false,
      retry: { initialRetryTime: 0, maxRetryTime: 1, factor: 0.5, multiplier: 1.5, retries: Number.MAX_SAFE_INTEGER },
    })
    kafka.producer({ idempotent: false, transactionTimeout: 1000, metadataMaxAge: 1000, allowAutoTopicCreation: false })
    kafka.producer({
      idempotent: true,
      transactionalId: 'tx',
      maxInFlightRequests: null as never,
      retry: { retries: 1 },
    })
  })
})

test('brokers may be a function, also one that returns a promise', async () => {
  await using cluster = await startCluster(ONE)
  await roundTrip(cluster, { brokers: () => cluster.brokers })
  assert.equal((await roundTrip(cluster, { brokers: async () => cluster.brokers })).length, 2)
})

test('the client id is the one that is set, or that of kafkajs', async () => {
  await using cluster = await startCluster(ONE)
  const clientIds: string[] = []
  for (const config of [{}, { clientId: 'mine' }]) {
    const producer = await connected(cluster, {}, config)
    producer.on(producer.events.REQUEST, ({ payload }) => clientIds.push(payload.clientId))
    await producer.send({ topic: 't', messages: messages(1) })
    await producer.disconnect()
  }
  assert.deepEqual(clientIds, ['kafkajs', 'mine'])
})

test('allowAutoTopicCreation: false creates no topic', async () => {
  await using cluster = await startCluster()
  const retry = { retries: 1, initialRetryTime: 1 }
  const producer = await connected(cluster, { allowAutoTopicCreation: false, retry }, { requestTimeout: 500 })
  const error = await rejection(producer.send({ topic: 'new', messages: messages(1) }))
  assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
  assert.equal((error.cause as kafkajs.KafkaJSProtocolError).type, 'UNKNOWN_TOPIC_OR_PARTITION')
  await producer.disconnect()
  assert.equal(cluster.topics.size, 0)
})

describe('ssl and socketFactory', () => {
  test('TLS, with an authority', async () => {
    await using cluster = await startCluster({ ...ONE, ssl: { key, cert } })
    assert.deepEqual(await roundTrip(cluster, { ssl: { ca: cert } }), ['value-0'])
  })

  test('a certificate that is not trusted is a connection error', async () => {
    await using cluster = await startCluster({ ...ONE, ssl: renewed })
    const error = await rejection(
      client(cluster, undefined, { ssl: { ca: cert } })
        .producer()
        .connect(),
    )
    assert.equal(error.name, 'KafkaJSConnectionError')
    assert.match(error.message, /is not trusted/)
  })

  test('a socketFactory makes every socket, and is given ssl as it is', async () => {
    await using cluster = await startCluster({ nodes: 2, ...ONE })
    const made: unknown[] = []
    const ssl = { servername: 'broker.test' }
    const socketFactory: kafkajs.ISocketFactory = ({ host, port, ssl, onConnect }) => {
      made.push(ssl)
      return connectTcp({ host, port }, onConnect)
    }
    const producer = await connected(cluster, {}, { socketFactory, ssl })
    await producer.send({ topic: 't', messages: messages(1) })
    // Its error is the producer's business.
    cluster.inject({ fault: { kind: 'appendThenDrop' } })
    await producer.send({ topic: 't', messages: messages(1, 1) })
    await producer.disconnect()
    assert.deepEqual(valuesIn(cluster, 't'), ['value-0', 'value-1'])
    assert.ok(made.length >= 3)
    assert.ok(made.every(given => given === ssl))
  })

  test('a socketFactory that throws is a connection error', async () => {
    await using cluster = await startCluster(ONE)
    const socketFactory = (): never => {
      throw new Error('no proxy')
    }
    const error = await rejection(
      client(cluster, undefined, { socketFactory, retry: { retries: 1 } })
        .producer()
        .connect(),
    )
    assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
    assert.match(error.message, /no proxy/)
  })
})

describe('sasl', () => {
  const sasl = { users: { app: 'secret' } }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512', 'PLAIN'] as const) {
    test(`${mechanism}: the right password, and a wrong one`, async () => {
      await using cluster = await startCluster({ ...ONE, sasl })
      const login = (password: string) => ({ sasl: { mechanism: mechanism as 'plain', username: 'app', password } })
      assert.deepEqual(await roundTrip(cluster, login('secret')), ['value-0'])
      const [its, mine] = await Promise.all(
        APIS.map(async ([, api]) => {
          const error = await rejection(client(cluster, api, login('wrong')).producer().connect())
          return [error.name, error.retriable]
        }),
      )
      assert.deepEqual(mine, ['KafkaJSSASLAuthenticationError', false])
      assert.deepEqual(mine, its)
    })
  }

  test('oauthbearer, with the provider of kafkajs', async () => {
    await using cluster = await startCluster({
      ...ONE,
      sasl: { mechanisms: ['OAUTHBEARER'], users: { app: 'token-1' } },
    })
    const provider = (value: string | null) => ({
      sasl: { mechanism: 'oauthbearer' as const, oauthBearerProvider: async () => ({ value: value as string }) },
    })
    assert.deepEqual(await roundTrip(cluster, provider('token-1')), ['value-0'])
    const error = await rejection(client(cluster, undefined, provider(null)).producer().connect())
    assert.equal(error.name, 'KafkaJSSASLAuthenticationError')
    assert.match(error.message, /`sasl\.oauthBearerProvider` returned no token/)
  })

  test('an authenticationProvider of the user speaks through saslAuthenticate(), as with kafkajs', async () => {
    await using cluster = await startCluster({ ...ONE, sasl })
    const seen: unknown[] = []
    /** PLAIN once more, written for kafkajs: a token begins with its size. */
    const authenticationProvider =
      (password: string): kafkajs.Mechanism['authenticationProvider'] =>
      ({ host, port, logger, saslAuthenticate }) => ({
        authenticate: async () => {
          seen.push([`${host}:${port}`, typeof logger.info])
          const token = Buffer.from(`\0app\0${password}`)
          const size = Buffer.alloc(4)
          size.writeInt32BE(token.length)
          const request = { encode: async () => Buffer.concat([size, token]) }
          const response = {
            decode: (raw: Buffer) => raw.subarray(4),
            parse: (data: Buffer) => `parsed ${data.length}`,
          }
          seen.push(await saslAuthenticate({ request, response }))
        },
      })
    const of: unknown[][] = []
    for (const [, api] of APIS) {
      seen.length = 0
      const config = { sasl: { mechanism: 'plain', authenticationProvider: authenticationProvider('secret') } }
      const producer = client(cluster, api, config).producer()
      await producer.connect()
      await producer.send({ topic: 't', messages: messages(1) })
      await producer.disconnect()
      of.push(seen.slice(0, 2))
    }
    assert.deepEqual(of[1], of[0])
    assert.deepEqual(of[1], [[cluster.brokers[0], 'function'], 'parsed 0'])
    const wrong = { sasl: { mechanism: 'plain', authenticationProvider: authenticationProvider('wrong') } }
    assert.equal(
      (await rejection(client(cluster, undefined, wrong).producer().connect())).name,
      'KafkaJSSASLAuthenticationError',
    )
  })

  test('an authenticator that gives up with an error that is not retriable ends it; another one is tried again', async () => {
    await using cluster = await startCluster({ ...ONE, sasl })
    const failing = (error: Error) => {
      const provider = { calls: 0 }
      const authenticationProvider = () => ({
        authenticate: async () => {
          provider.calls++
          throw error
        },
      })
      const config = { sasl: { mechanism: 'plain', authenticationProvider }, retry: { ...QUICK, retries: 2 } }
      return { provider, connecting: rejection(client(cluster, undefined, config).producer().connect()) }
    }
    const final = failing(new KafkaJSNonRetriableError('no such user'))
    assert.match((await final.connecting).message, /no such user/)
    assert.equal(final.provider.calls, 1)
    const passing = failing(new Error('vault is sealed'))
    assert.match((await passing.connecting).message, /vault is sealed/)
    assert.ok(passing.provider.calls > 1)
  })

  test('aws sends the four fields of its credentials, as kafkajs', async () => {
    const tokens: string[] = []
    const AWS = () => (token: string) => {
      tokens.push(token)
      return { answer: '', user: 'app' }
    }
    await using cluster = await startCluster({ ...ONE, sasl: { mechanisms: [], customMechanisms: { AWS }, users: {} } })
    const aws = { mechanism: 'aws' as const, authorizationIdentity: 'AIDA', accessKeyId: 'AKIA', secretAccessKey: 's' }
    for (const [, api] of APIS) {
      const producer = client(cluster, api, { sasl: { ...aws } }).producer()
      await producer.connect()
      await producer.disconnect()
    }
    assert.deepEqual([...new Set(tokens)], ['AIDA\0AKIA\0s\0'])
    const incomplete = { sasl: { ...aws, accessKeyId: '' } }
    const error = await rejection(client(cluster, undefined, incomplete).producer().connect())
    assert.equal(error.name, 'KafkaJSSASLAuthenticationError')
    assert.match(error.message, /Missing accessKeyId/)
  })
})
