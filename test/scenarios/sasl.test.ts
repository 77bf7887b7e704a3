import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { AuthenticationError, ConnectionError, createProducer, type SaslOptions } from '../../src/index.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import { MemoryNetwork, startCluster, type TestCluster, type TraceEntry, VirtualTime } from '../../src/testing/index.js'
import { open, startWorld, valuesIn, type World, type WorldOptions } from '../support/world.js'

const PASSWORD = 'the-password-nobody-may-see'
const TOKEN = 'header.the-token-nobody-may-see.signature'
const USERS = { alice: PASSWORD, bob: 'another', carol: TOKEN }

const alice = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password = PASSWORD): SaslOptions => ({
  mechanism,
  username: 'alice',
  password,
})

/** Room for one record a batch: as many batches as records. */
const ONE_RECORD_BATCHES = { batchSize: BATCH_HEADER_SIZE + 1 }

/** Renewals come at any time in the round trip of requests, and the same in every run. */
function seeded(seed = 1): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const records = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ topic: 't', partition: 0, value: `v${from + i}` }))

const valuesOf = (sent: readonly { value: string }[]) => sent.map(record => record.value)

const count = (cluster: TestCluster, kind: TraceEntry['kind']) =>
  cluster.trace.filter(entry => entry.kind === kind).length

function startSasl(sasl: SaslOptions | undefined, options: WorldOptions & { sessionLifetimeMs?: number } = {}) {
  const { sessionLifetimeMs = 0 } = options
  return startWorld({
    ...options,
    cluster: { topics: { t: { partitions: 1 } }, sasl: { users: { ...USERS }, sessionLifetimeMs }, ...options.cluster },
    producer: { ...ONE_RECORD_BATCHES, random: seeded(), ...(sasl && { sasl }), ...options.producer },
  })
}

/** A world whose producer is at its end ends without a flush. */
function assertFatal(world: World, message: RegExp): void {
  const fatal = world.events.filter(event => event.kind === 'fatal')
  assert.equal(fatal.length, 1)
  assert.ok(fatal[0]?.error instanceof AuthenticationError, String(fatal[0]?.error))
  assert.match(fatal[0].error.message, message)
}

describe('row 21: wrong SASL credentials fail fast with a clear error', () => {
  for (const [what, sasl, message] of [
    ['a wrong password by PLAIN', alice('plain', 'wrong'), /refused the PLAIN credentials: SASL_AUTHENTICATION_FAILED/],
    ['a wrong password by SCRAM-SHA-256', alice('scram-sha-256', 'wrong'), /refused the SCRAM-SHA-256 credentials/],
    ['a wrong password by SCRAM-SHA-512', alice('scram-sha-512', 'wrong'), /refused the SCRAM-SHA-512 credentials/],
    [
      'an unknown user',
      { mechanism: 'scram-sha-256', username: 'mallory', password: 'x' } satisfies SaslOptions,
      /refused the SCRAM-SHA-256 credentials/,
    ],
    [
      'a token that is not valid',
      { mechanism: 'oauthbearer', token: () => 'expired' } satisfies SaslOptions,
      /refused the OAUTHBEARER credentials.*invalid_token/,
    ],
  ] as const) {
    test(`row 21: ${what}: every record fails with the error, the stream errors after them, nothing is tried again`, async () => {
      const world = await startSasl(sasl)
      const { push, acks } = open(world.producer)
      for (const record of records(10)) push.next(record)
      await world.time.until(() => acks.error !== undefined)
      assertFatal(world, message)
      assert.equal(acks.values.length, 10)
      for (const ack of acks.values) {
        assert.ok(ack.kind === 'failed')
        assert.ok(ack.error instanceof AuthenticationError)
        assert.equal(ack.persisted, 'no')
      }
      assert.ok(acks.error instanceof AuthenticationError)
      assert.equal(count(world.cluster, 'connected'), 1)
      assert.equal(open(world.producer).acks.error, acks.error, 'who comes later hears the same')
      await world.end()
    })
  }

  test('row 21: a mechanism that the brokers do not offer: the error names those that they do', async () => {
    const world = await startSasl(alice('plain'), {
      cluster: {
        topics: { t: { partitions: 1 } },
        sasl: { users: USERS, mechanisms: ['SCRAM-SHA-512', 'OAUTHBEARER'] },
      },
    })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.until(() => acks.error !== undefined)
    assertFatal(world, /does not offer PLAIN: UNSUPPORTED_SASL_MECHANISM .* it offers SCRAM-SHA-512, OAUTHBEARER/)
    await world.end()
  })

  test('row 21: credentials for brokers that ask for none', async () => {
    const world = await startWorld({
      cluster: { topics: { t: { partitions: 1 } } },
      producer: { sasl: alice('plain') },
    })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.until(() => acks.error !== undefined)
    assertFatal(world, /does not authenticate by SASL \(option `sasl`\): ILLEGAL_SASL_STATE/)
    await world.end()
  })

  test('row 21: no credentials for brokers that ask for some: the events and the failed record say so', async () => {
    const world = await startSasl(undefined, { producer: { deliveryTimeoutMs: 31_000 } })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.until(() => acks.values.length === 1)
    const hint = /it ended at the first request: so does a listener that expects SASL \(option `sasl`\)/
    const failed = world.events.filter(event => event.kind === 'metadataFailed' || event.kind === 'producerIdFailed')
    assert.ok(
      failed.some(({ error }) => hint.test(error.message)),
      inspect(failed),
    )
    const [ack] = acks.values
    assert.ok(ack?.kind === 'failed')
    assert.match(ack.error.message, hint)
    await world.end()
  })

  test('row 21: neither events nor errors hold a password, a token or what is made of them', async () => {
    const secrets = [PASSWORD, TOKEN].flatMap(secret => [
      secret,
      Buffer.from(secret).toString('base64'),
      inspect(Buffer.from(secret)),
    ])
    for (const [sasl, offered] of [
      [alice('plain'), ['PLAIN']],
      [alice('plain'), ['OAUTHBEARER']],
      [alice('scram-sha-256'), ['SCRAM-SHA-256']],
      [{ mechanism: 'oauthbearer', token: () => TOKEN }, ['OAUTHBEARER']],
    ] as const) {
      const world = await startSasl(sasl, {
        cluster: { topics: { t: { partitions: 1 } }, sasl: { users: { bob: 'another' }, mechanisms: offered } },
      })
      const { push, acks } = open(world.producer)
      push.next(records(1)[0]!)
      await world.time.until(() => acks.error !== undefined)
      const told = inspect([world.events, acks.values, acks.error, world.producer], { depth: 20, showHidden: true })
      for (const secret of secrets) assert.ok(!told.includes(secret), told)
      await world.end()
    }
  })

  test('row 21: a broker that is down, and a rolling restart, are not mistaken for it', async () => {
    const world = await startSasl(alice('scram-sha-256'), {
      cluster: {
        nodes: 3,
        topics: { t: { partitions: 3 } },
        sasl: { users: USERS, sessionLifetimeMs: 3000 },
        replyDelayMs: 5,
      },
    })
    const { push, acks } = open(world.producer)
    const sent = Array.from({ length: 3000 }, (_, i) => ({ topic: 't', partition: i % 3, value: `v${i}` }))
    for (const record of sent) push.next(record)
    await world.cluster.stopNode(1)
    await world.time.advance(300)
    await world.cluster.startNode(1)
    for (const node of [2, 3, 1]) {
      await world.time.advance(500)
      await world.cluster.stopNode(node)
      await world.time.advance(700)
      await world.cluster.startNode(node)
    }
    await world.time.until(() => acks.values.length === sent.length)
    assert.ok(world.events.filter(event => event.kind === 'disconnected').length >= 3)
    assert.deepEqual(
      acks.values.filter(ack => ack.kind !== 'acked'),
      [],
    )
    for (const partition of [0, 1, 2]) {
      const expected = valuesOf(sent.filter(record => record.partition === partition))
      assert.deepEqual(valuesIn(world.cluster, 't', partition), expected)
    }
    await world.end()
  })

  test('row 21: one address of the list that refuses does not matter while another answers', async () => {
    const time = new VirtualTime()
    const network = new MemoryNetwork({ scheduler: time })
    await using strange = await startCluster({ scheduler: time, network, sasl: { users: { alice: 'unlike' } } })
    await using cluster = await startCluster({ scheduler: time, network, sasl: { users: USERS } })
    const options = { scheduler: time, transport: network, sasl: alice('scram-sha-512') }
    const down = '127.0.0.1:1'
    const kinds = async (brokers: string[]): Promise<string[]> => {
      const producer = createProducer({ ...options, brokers })
      const events: string[] = []
      producer.events$.subscribe(({ kind }) => events.push(kind))
      const { push } = open(producer)
      push.next({ topic: 't', value: 'v' })
      await time.until(
        () => events.includes('producerId') || events.includes('fatal') || events.includes('producerIdFailed'),
      )
      await time.until(producer.close())
      return events
    }
    assert.equal((await kinds([...strange.brokers, ...cluster.brokers])).includes('producerId'), true)
    assert.equal((await kinds([down, ...strange.brokers])).includes('fatal'), true)
    assert.equal((await kinds([down])).includes('fatal'), false)
  })

  test('row 21: a password that is changed while the producer runs ends it when its session does, and nothing is lost', async () => {
    const world = await startSasl(alice('scram-sha-256'), {
      sessionLifetimeMs: 2000,
      cluster: { topics: { t: { partitions: 1 } }, sasl: { users: USERS, sessionLifetimeMs: 2000 }, replyDelayMs: 10 },
    })
    const { push, acks } = open(world.producer)
    for (const record of records(4000)) push.next(record)
    await world.time.until(() => acks.values.length > 100)
    world.cluster.setUser('alice', 'changed')
    await world.time.until(() => acks.error !== undefined)
    assertFatal(world, /refused the SCRAM-SHA-256 credentials/)
    const stored = valuesIn(world.cluster, 't', 0)
    const acked = acks.values.filter(ack => ack.kind === 'acked')
    assert.equal(acks.values.length, 4000)
    assert.ok(acked.length > 100 && acked.length < 4000)
    assert.deepEqual(stored, valuesOf(records(stored.length)))
    const surelyNot = acks.values.flatMap(ack =>
      ack.kind === 'failed' && ack.persisted === 'no' ? [String(ack.record.value)] : [],
    )
    assert.ok(surelyNot.length > 0)
    assert.deepEqual(
      surelyNot.filter(value => stored.includes(value)),
      [],
    )
    await world.end()
  })
})

describe('row 22: SASL re-authentication with four requests in flight', () => {
  /** What the broker saw of each renewal of a connection: the depth when it began, and what came while it was under way. */
  function renewals(trace: readonly TraceEntry[], connection: number): { inFlight: number; between: string[] }[] {
    const found: { inFlight: number; between: string[] }[] = []
    let inFlight = 0
    let current: { inFlight: number; between: string[] } | undefined
    for (const entry of trace) {
      if (!('connection' in entry) || entry.connection !== connection) continue
      if (entry.kind === 'request') {
        if (entry.api === 'SaslHandshake') current = { inFlight, between: [] }
        else if (entry.api === 'Produce') inFlight++
        if (current !== undefined && !entry.api.startsWith('Sasl')) current.between.push(entry.api)
      }
      if (entry.kind === 'answered' && entry.api === 'Produce') inFlight--
      if (entry.kind === 'authenticated') {
        if (entry.renewed) found.push(current!)
        current = undefined
      }
    }
    return found
  }

  for (const [name, sasl] of [
    ['PLAIN', alice('plain')],
    ['SCRAM-SHA-256', alice('scram-sha-256')],
    ['SCRAM-SHA-512', alice('scram-sha-512')],
    ['OAUTHBEARER', { mechanism: 'oauthbearer', token: async () => TOKEN }],
  ] as const) {
    for (const latencyMs of [0, 3]) {
      test(`row 22: ${name}, ${latencyMs} ms away: nothing is corrupted, resent or held up`, async () => {
        const world = await startSasl(sasl, {
          latencyMs,
          cluster: {
            topics: { t: { partitions: 1 } },
            sasl: { users: USERS, sessionLifetimeMs: 1500 },
            replyDelayMs: 10,
          },
        })
        const { push, acks } = open(world.producer)
        const sent = records(4000)
        for (const record of sent) push.next(record)
        await world.time.until(() => acks.values.length === sent.length)
        const { cluster } = world

        assert.deepEqual(valuesIn(cluster, 't', 0), valuesOf(sent))
        assert.deepEqual(
          acks.values.map(ack => [ack.kind, ack.record.value]),
          sent.map(({ value }) => ['acked', value]),
        )
        const carrier = cluster.trace.find(entry => entry.kind === 'appended')!.connection
        const seen = renewals(cluster.trace, carrier)
        assert.ok(seen.length >= 6, `${seen.length} renewals`)
        assert.ok(seen.filter(({ inFlight }) => inFlight === 4).length >= 4, inspect(seen))
        assert.deepEqual(
          seen.flatMap(({ between }) => between),
          [],
        )
        // No connection but that for metadata and this one, and no batch twice.
        assert.equal(count(cluster, 'connected'), 2)
        assert.equal(count(cluster, 'disconnected'), 0)
        assert.equal(count(cluster, 'duplicate') + count(cluster, 'rejected') + count(cluster, 'refused'), 0)
        const requests = cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'Produce')
        assert.equal(requests.length, sent.length)
        assert.equal(cluster.depth.most(), 4)
        assert.equal(world.events.filter(event => event.kind === 'reauthenticated').length, seen.length)
        assert.deepEqual(
          world.events.filter(event => event.kind === 'retrying' || event.kind === 'disconnected'),
          [],
        )
        await world.end()
      })
    }
  }

  test('row 22: three brokers, each with sessions of its own', async () => {
    const world = await startSasl(alice('scram-sha-256'), {
      cluster: {
        nodes: 3,
        topics: { t: { partitions: 3 } },
        sasl: { users: USERS, sessionLifetimeMs: 1200 },
        replyDelayMs: 7,
      },
      producer: ONE_RECORD_BATCHES,
    })
    const { push, acks } = open(world.producer)
    const sent = Array.from({ length: 6000 }, (_, i) => ({ topic: 't', partition: i % 3, value: `v${i}` }))
    for (const record of sent) push.next(record)
    await world.time.until(() => acks.values.length === sent.length)
    for (const partition of [0, 1, 2]) {
      assert.deepEqual(
        valuesIn(world.cluster, 't', partition),
        valuesOf(sent.filter(one => one.partition === partition)),
      )
      assert.equal(world.cluster.depth.most(partition + 1), 4)
    }
    const renewed = world.events.flatMap(event => (event.kind === 'reauthenticated' ? [event.nodeId] : []))
    for (const node of [1, 2, 3]) assert.ok(renewed.filter(one => one === node).length >= 2, String(renewed))
    assert.equal(count(world.cluster, 'refused') + count(world.cluster, 'duplicate'), 0)
    await world.end()
  })

  test('row 22: at rest the session is renewed as well, so that the next record finds it standing', async () => {
    const world = await startSasl(alice('plain'), { sessionLifetimeMs: 2000 })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.until(() => acks.values.length === 1)
    await world.time.advance(60_000)
    push.next(records(1, 1)[0]!)
    await world.time.until(() => acks.values.length === 2)
    assert.equal(count(world.cluster, 'connected'), 2)
    assert.equal(count(world.cluster, 'refused'), 0)
    await world.end()
  })

  test('row 22: requests that are not produce requests wait for the end of a renewal too', async () => {
    const world = await startSasl(alice('scram-sha-256'), {
      cluster: { topics: { t: { partitions: 1 } }, sasl: { users: USERS, sessionLifetimeMs: 2000 }, replyDelayMs: 200 },
      producer: { metadataMaxAgeMs: 100, retryBackoffMs: 10 },
    })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.until(() => acks.values.length === 1)
    await world.time.advance(30_000)
    const control = world.cluster.trace.find(entry => entry.kind === 'request' && entry.api === 'Metadata')!
    assert.ok('connection' in control)
    const seen = renewals(world.cluster.trace, control.connection)
    assert.ok(seen.length >= 10)
    assert.deepEqual(
      seen.flatMap(({ between }) => between),
      [],
    )
    assert.equal(count(world.cluster, 'refused'), 0)
    await world.end()
  })

  for (const [what, api, fault] of [
    ['cut at the handshake', 'SaslHandshake', { kind: 'dropBeforeAppend' }],
    ['cut after the last token', 'SaslAuthenticate', { kind: 'appendThenDrop' }],
    ['never answered', 'SaslHandshake', { kind: 'neverAnswer' }],
    ['answered by hostile bytes', 'SaslAuthenticate', { kind: 'hostileBytes', hex: '7fffffff00' }],
  ] as const) {
    test(`row 22: a renewal that is ${what}, behind four requests: reconnected, everything once and in order`, async () => {
      const world = await startSasl(alice('plain'), {
        cluster: {
          topics: { t: { partitions: 1 } },
          sasl: { users: USERS, sessionLifetimeMs: 1500 },
          replyDelayMs: 10,
        },
        producer: { requestTimeoutMs: 1000 },
      })
      // Two connections authenticate first.
      const injected = world.cluster.inject({ api, fault, after: 2, times: 2 })
      const { push, acks } = open(world.producer)
      const sent = records(3000)
      for (const record of sent) push.next(record)
      await world.time.until(() => acks.values.length === sent.length)
      assert.equal(injected.fired, 2)
      assert.deepEqual(valuesIn(world.cluster, 't', 0), valuesOf(sent))
      assert.deepEqual(
        acks.values.filter(ack => ack.kind !== 'acked'),
        [],
      )
      assert.ok(world.events.some(event => event.kind === 'disconnected' && event.error instanceof ConnectionError))
      assert.ok(!world.events.some(event => event.kind === 'fatal'))
      await world.end()
    })
  }

  test('row 22: a broker that reads too late finds the session at its end and closes: reconnected, everything once and in order', async () => {
    const world = await startSasl(alice('plain'), {
      latencyMs: 1,
      cluster: { topics: { t: { partitions: 1 } }, sasl: { users: USERS, sessionLifetimeMs: 1500 }, replyDelayMs: 10 },
    })
    // About 370 requests fit in before a renewal is due; those behind this one wait in front of the handshake.
    world.cluster.inject({ fault: { kind: 'throttle', ms: 500 }, after: 380 })
    const { push, acks } = open(world.producer)
    const sent = records(1000)
    for (const record of sent) push.next(record)
    await world.time.until(() => acks.values.length === sent.length)
    const refused = world.cluster.trace.flatMap(entry => (entry.kind === 'refused' ? [entry.reason] : []))
    assert.deepEqual(refused, ['Produce after the session has ended'])
    assert.deepEqual(valuesIn(world.cluster, 't', 0), valuesOf(sent))
    assert.deepEqual(
      acks.values.filter(ack => ack.kind !== 'acked'),
      [],
    )
    await world.end()
  })

  test('row 22: a token of another principal is refused for the session and accepted on a new connection', async () => {
    let token: string = TOKEN
    const world = await startSasl(
      { mechanism: 'oauthbearer', token: () => token },
      {
        cluster: {
          topics: { t: { partitions: 1 } },
          sasl: { users: USERS, sessionLifetimeMs: 1500 },
          replyDelayMs: 10,
        },
      },
    )
    const { push, acks } = open(world.producer)
    const sent = records(2000)
    for (const record of sent) push.next(record)
    await world.time.until(() => acks.values.length > 100)
    token = USERS.bob
    await world.time.until(() => acks.values.length === sent.length)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), valuesOf(sent))
    const lost = world.events.filter(event => event.kind === 'disconnected')
    assert.equal(lost.length, 1)
    assert.match(
      lost[0]!.error.message,
      /could not be renewed.*Cannot change principals during re-authentication from User.carol: User.bob/,
    )
    await world.end()
  })

  test('row 22: a token server that is down for a while is asked again', async () => {
    let down = true
    const token = () => (down ? Promise.reject(new Error('503 from the token server')) : TOKEN)
    const world = await startSasl({ mechanism: 'oauthbearer', token })
    const { push, acks } = open(world.producer)
    push.next(records(1)[0]!)
    await world.time.advance(5000)
    assert.ok(
      world.events.some(
        event => event.kind === 'metadataFailed' && /503 from the token server/.test(event.error.message),
      ),
    )
    down = false
    await world.time.until(() => acks.values.length === 1)
    assert.equal(acks.values[0]?.kind, 'acked')
    await world.end()
  })
})
