import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { type SaslAuthenticateResponse, saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.js'
import { type SaslHandshakeResponse, saslHandshake } from '../../src/protocol/messages/sasl-handshake.js'
import { type ClusterSaslOptions, startCluster } from '../../src/testing/index.js'
import { cert, key } from '../support/certificate.js'
import { type Bench, batch, type RawClient, startBench } from './raw-client.js'

const USERS = { alice: 'secret', bob: 'other' }
const sasl = (more: Partial<ClusterSaslOptions> = {}) => ({ sasl: { users: USERS, ...more } })
const EVERY_TOPIC = {
  topics: null,
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

function handshake(bench: Bench, client: RawClient, mechanism = 'PLAIN'): Promise<SaslHandshakeResponse> {
  return bench.wait(client.request(saslHandshake, 1, { mechanism }))
}

function say(bench: Bench, client: RawClient, token: string, version = 2): Promise<SaslAuthenticateResponse> {
  return bench.wait(client.request(saslAuthenticate, version, { authBytes: Buffer.from(token) }))
}

async function login(
  bench: Bench,
  client: RawClient,
  user = 'alice',
  password = 'secret',
): Promise<SaslAuthenticateResponse> {
  assert.equal((await handshake(bench, client)).errorCode, ErrorCode.NONE)
  return say(bench, client, `\0${user}\0${password}`)
}

/** The connection ends; gives what the trace says of it. */
async function refused(bench: Bench, client: RawClient): Promise<string> {
  await bench.time.until(() => client.closed)
  const reasons = bench.cluster.trace.flatMap(entry => (entry.kind === 'refused' ? [entry.reason] : []))
  assert.equal(reasons.length, 1)
  return reasons[0]!
}

describe('before a client has authenticated', () => {
  test('it may ask for versions, once, and authenticate; then everything is there', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    assert.equal((await bench.wait(client.apiVersions())).errorCode, ErrorCode.NONE)
    const { errorCode, mechanisms } = await handshake(bench, client)
    assert.equal(errorCode, ErrorCode.NONE)
    assert.deepEqual(mechanisms, ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'])
    const answer = await say(bench, client, '\0alice\0secret')
    assert.deepEqual([answer.errorCode, answer.sessionLifetimeMs], [ErrorCode.NONE, 0n])
    const { responses } = await bench.wait(client.produce({ 't/0': batch() }))
    assert.equal(responses[0]?.partitionResponses[0]?.errorCode, ErrorCode.NONE)
    assert.equal((await bench.wait(client.apiVersions())).errorCode, ErrorCode.NONE)
    assert.deepEqual(
      bench.cluster.trace.flatMap(entry =>
        entry.kind === 'authenticated' ? [[entry.user, entry.mechanism, entry.renewed]] : [],
      ),
      [['alice', 'PLAIN', false]],
    )
  })

  test('a version of ApiVersions that is not known leaves it one more', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    client.write(Buffer.from('0000000a' + '0012' + '0063' + '000000ff' + 'ffff', 'hex'))
    assert.equal((await bench.wait(client.apiVersions(0))).errorCode, ErrorCode.NONE)
    void client.apiVersions(0)
    assert.equal(await refused(bench, client), 'ApiVersions before the client has authenticated')
  })

  test('anything else ends the connection, and is not carried out', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    void client.produce({ 't/0': batch() })
    assert.equal(await refused(bench, client), 'Produce before the client has authenticated')
    assert.equal(bench.cluster.records('t', 0).length, 0)
  })

  test('a token without a handshake', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    void client.request(saslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0secret') })
    assert.equal(await refused(bench, client), 'SaslAuthenticate before the client has authenticated')
  })

  test('another request between handshake and token', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    await handshake(bench, client)
    void client.request(metadata, 9, EVERY_TOPIC)
    assert.equal(await refused(bench, client), 'Metadata during an authentication')
  })

  test('tokens without headers are not spoken', async () => {
    await using bench = await startBench(sasl())
    const client = await bench.connect()
    void client.request(saslHandshake, 0, { mechanism: 'PLAIN' })
    assert.match(await refused(bench, client), /SaslHandshake version 0/)
  })

  test('a mechanism that is not offered is answered with those that are, and the connection ends', async () => {
    await using bench = await startBench(sasl({ mechanisms: ['SCRAM-SHA-256'] }))
    const client = await bench.connect()
    assert.deepEqual(await handshake(bench, client), {
      errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: ['SCRAM-SHA-256'],
    })
    await refused(bench, client)
  })

  for (const [what, token] of [
    ['a wrong password', '\0alice\0wrong'],
    ['an unknown user', '\0mallory\0secret'],
    ['no password', '\0alice'],
    ['one field more', '\0alice\0secret\0'],
    ['the right to be another', 'bob\0alice\0secret'],
  ] as const) {
    test(`${what} is answered with the failure, and the connection ends`, async () => {
      await using bench = await startBench(sasl())
      const client = await bench.connect()
      await handshake(bench, client)
      const { errorCode, errorMessage } = await say(bench, client, token)
      assert.equal(errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED)
      assert.equal(errorMessage, 'Authentication failed: Invalid username or password')
      await refused(bench, client)
    })
  }

  for (const token of ['n,,n=alice,r=abc', 'n,,n=mallory,r=abc', '']) {
    test(`SCRAM with ${JSON.stringify(token)} and a proof out of the air`, async () => {
      await using bench = await startBench(sasl())
      const client = await bench.connect()
      await handshake(bench, client, 'SCRAM-SHA-256')
      let answer = await say(bench, client, token)
      if (token.includes('alice')) {
        const nonce = /^r=([^,]+)/.exec(answer.authBytes.toString())![1]
        answer = await say(bench, client, `c=biws,r=${nonce},p=${Buffer.alloc(32).toString('base64')}`)
      }
      assert.equal(answer.errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED)
      assert.match(answer.errorMessage ?? '', /invalid credentials with SASL mechanism SCRAM-SHA-256/)
      await refused(bench, client)
    })
  }
})

describe('a session', () => {
  test('is told to the client, and what comes after its end closes the connection', async () => {
    await using bench = await startBench(sasl({ sessionLifetimeMs: 5000 }))
    const client = await bench.connect()
    assert.equal((await login(bench, client)).sessionLifetimeMs, 5000n)
    await bench.time.advance(4999)
    await bench.wait(client.produce({ 't/0': batch() }))
    await bench.time.advance(1)
    void client.produce({ 't/0': batch() })
    assert.equal(await refused(bench, client), 'Produce after the session has ended')
    assert.equal(bench.cluster.records('t', 0).length, 1)
  })

  test('can be renewed before its end and after, any number of times', async () => {
    await using bench = await startBench(sasl({ sessionLifetimeMs: 5000 }))
    const client = await bench.connect()
    await login(bench, client)
    for (const pause of [3000, 4999, 5000, 60_000]) {
      await bench.time.advance(pause)
      assert.equal((await login(bench, client)).sessionLifetimeMs, 5000n)
      await bench.wait(client.produce({ 't/0': batch() }))
    }
    assert.equal(bench.cluster.records('t', 0).length, 4)
  })

  test('while it is renewed nothing but tokens is taken, and what came before is answered first', async () => {
    await using bench = await startBench({ ...sasl({ sessionLifetimeMs: 5000 }), replyDelayMs: 10 })
    const client = await bench.connect()
    await login(bench, client)
    const before = [0, 1, 2, 3].map(() => client.produce({ 't/0': batch() }))
    const answer = client.request(saslHandshake, 1, { mechanism: 'PLAIN' })
    await bench.wait(Promise.all([...before, answer]))
    void client.produce({ 't/0': batch() })
    assert.equal(await refused(bench, client), 'Produce during an authentication')
    assert.equal(bench.cluster.records('t', 0).length, 4)
  })

  test('another user can not go on with it', async () => {
    await using bench = await startBench(sasl({ sessionLifetimeMs: 5000 }))
    const client = await bench.connect()
    await login(bench, client)
    const { errorCode, errorMessage } = await login(bench, client, 'bob', 'other')
    assert.equal(errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED)
    assert.equal(errorMessage, 'Cannot change principals during re-authentication from User.alice: User.bob')
    await refused(bench, client)
  })

  test('nor another mechanism, which is found out with the first token', async () => {
    await using bench = await startBench(sasl({ sessionLifetimeMs: 5000 }))
    const client = await bench.connect()
    await login(bench, client)
    assert.equal((await handshake(bench, client, 'SCRAM-SHA-256')).errorCode, ErrorCode.NONE)
    void client.request(saslAuthenticate, 2, { authBytes: Buffer.from('n,,n=alice,r=abc') })
    assert.equal(await refused(bench, client), 'another mechanism than before')
  })

  test('is not renewed twice within a second, nor one without end', async () => {
    for (const sessionLifetimeMs of [5000, 0]) {
      await using bench = await startBench(sasl({ sessionLifetimeMs }))
      const client = await bench.connect()
      await login(bench, client)
      if (sessionLifetimeMs > 0) await login(bench, client)
      await bench.time.advance(999)
      assert.deepEqual(await handshake(bench, client), { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
      assert.equal((await say(bench, client, '\0alice\0secret')).errorCode, ErrorCode.ILLEGAL_SASL_STATE)
      await bench.wait(client.produce({ 't/0': batch() }))
    }
  })

  test('goes on when its user is taken away, until it ends', async () => {
    await using bench = await startBench(sasl({ sessionLifetimeMs: 5000 }))
    const client = await bench.connect()
    await login(bench, client)
    bench.cluster.setUser('alice', undefined)
    await bench.wait(client.produce({ 't/0': batch() }))
    assert.equal((await login(bench, client)).errorCode, ErrorCode.SASL_AUTHENTICATION_FAILED)
    bench.cluster.setUser('carol', 'new')
    assert.equal((await login(bench, await bench.connect(), 'carol', 'new')).errorCode, ErrorCode.NONE)
  })
})

test('without the option nobody is asked, and a handshake is out of place', async () => {
  await using bench = await startBench()
  const client = await bench.connect()
  assert.deepEqual(await handshake(bench, client), { errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
  await bench.wait(client.produce({ 't/0': batch() }))
  assert.throws(() => bench.cluster.setUser('a', 'b'), /without option `sasl`/)
})

test('options that mean nothing are refused', async () => {
  for (const [options, message] of [
    [
      sasl({ mechanisms: ['GSSAPI' as never] }),
      /`sasl.mechanisms` names 'GSSAPI', but there are only PLAIN, SCRAM-SHA-256/,
    ],
    [sasl({ sessionLifetimeMs: -1 }), /`sasl.sessionLifetimeMs` is -1/],
  ] as const) {
    await assert.rejects(startCluster(options), message)
  }
  await using bench = await startBench()
  await assert.rejects(startCluster({ network: bench.network, ssl: { key, cert } }), /`ssl` is for TCP/)
})

for (const [mechanism, ssl] of [
  ['plain', true],
  ['scram-sha-256', false],
  ['scram-sha-512', true],
  ['oauthbearer', false],
] as const) {
  test(`kafkajs authenticates by ${mechanism}${ssl ? ', over TLS' : ''}; with a wrong password it does not`, async () => {
    const topics = { t: { partitions: 1 } }
    await using cluster = await startCluster({ topics, sasl: { users: USERS }, ...(ssl && { ssl: { key, cert } }) })
    const send = async (password: string): Promise<unknown> => {
      const credentials = {
        mechanism,
        username: 'alice',
        password,
        oauthBearerProvider: async () => ({ value: password }),
      }
      const client = new kafkajs.Kafka({
        brokers: cluster.brokers,
        sasl: credentials as unknown as kafkajs.SASLOptions,
        ...(ssl && { ssl: { ca: [cert] } }),
        logLevel: kafkajs.logLevel.NOTHING,
        retry: { retries: 0 },
      })
      const producer = client.producer()
      try {
        await producer.connect()
        return await producer.send({ topic: 't', messages: [{ value: 'v' }] })
      } finally {
        await producer.disconnect()
      }
    }
    await send('secret')
    assert.equal(cluster.records('t', 0).length, 1)
    // kafkajs takes the reason why a token is refused for a success, and is closed at its next request.
    await assert.rejects(send('wrong'), mechanism === 'oauthbearer' ? /Closed connection/ : /SASL|credentials/i)
    assert.equal(cluster.records('t', 0).length, 1)
  })
}
