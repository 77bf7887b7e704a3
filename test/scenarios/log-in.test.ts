import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AuthenticationError, ConnectionError, type ProducerOptions, type SaslSession } from '../../src/index.js'
import type { ClusterSaslOptions } from '../../src/testing/index.js'
import { open, startWorld, valuesIn, type World } from '../support/world.js'

const start = (sasl: ProducerOptions['sasl'], cluster: ClusterSaslOptions = { users: { alice: 'old' } }) =>
  startWorld({
    cluster: { topics: { t: { partitions: 1 } }, sasl: cluster, replyDelayMs: 10 },
    producer: { ...(sasl && { sasl }), batchSize: 100 },
  })

const scram = (password: string) => ({ mechanism: 'scram-sha-256', username: 'alice', password }) as const

const fatal = (world: World): Error | undefined => world.events.find(event => event.kind === 'fatal')?.error

/** Sends one record; gives its ack and the error of its stream, if there is one. */
async function sendOne(world: World) {
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'v' })
  await world.time.until(
    () => acks.values.length === 1 && (acks.values[0]!.kind === 'acked' || acks.error !== undefined),
  )
  return acks
}

describe('a function as `sasl`', () => {
  test('a password that is rotated while the producer runs is used at the next authentication', async () => {
    let password = 'old'
    let calls = 0
    const world = await start(
      async () => {
        calls++
        return scram(password)
      },
      { users: { alice: 'old' }, sessionLifetimeMs: 2000 },
    )
    const { push, acks } = open(world.producer)
    const values = Array.from({ length: 2000 }, (_, i) => `v${i}`)
    for (const value of values) push.next({ topic: 't', value })
    await world.time.until(() => acks.values.length > 100)
    password = 'new'
    world.cluster.setUser('alice', 'new')
    await world.time.until(() => acks.values.length === values.length)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values)
    assert.equal(fatal(world), undefined)
    const renewals = world.events.filter(event => event.kind === 'reauthenticated').length
    assert.ok(renewals >= 2, `${renewals}`)
    assert.ok(calls >= renewals + 2, `${calls} calls, ${renewals} renewals`)
    await world.end()
  })

  test('that throws is called again with back-off, and the event says what it threw', async () => {
    let calls = 0
    const world = await start(() => {
      if (++calls <= 3) throw new Error('the vault is sealed')
      return scram('old')
    })
    const acks = await sendOne(world)
    assert.equal(acks.values[0]?.kind, 'acked')
    assert.equal(fatal(world), undefined)
    const said = world.events.flatMap(event => ('error' in event ? [event.error?.message ?? ''] : []))
    assert.ok(
      said.some(text => text.includes('the function in option `sasl` failed: the vault is sealed')),
      said.join('\n'),
    )
    await world.end()
  })

  for (const [what, result, message] of [
    ['no object', undefined, /must be an object with a `mechanism`/],
    ['no password', { mechanism: 'plain', username: 'alice' }, /`sasl.password` must be a non-empty string/],
    ['an unknown mechanism', { mechanism: 'GSSAPI' }, /`sasl.mechanism` is 'GSSAPI'/],
    ['an AuthenticationError', new AuthenticationError('the account is closed'), /failed: the account is closed/],
  ] as const) {
    test(`that gives ${what} ends the producer at once`, async () => {
      const world = await start(async () => {
        if (result instanceof Error) throw result
        return result as never
      })
      const acks = await sendOne(world)
      assert.equal(acks.values[0]?.kind, 'failed')
      assert.ok(fatal(world) instanceof AuthenticationError)
      assert.match(fatal(world)?.message ?? '', message)
      assert.match(fatal(world)?.message ?? '', /the function in option `sasl`/)
      await world.end()
    })
  }

  test('credentials that do not change keep their derived key and their token', async () => {
    let tokens = 0
    const token = () => ({ value: 'token', expiresAt: Date.now() + 3_600_000 * ++tokens })
    const world = await start(() => ({ mechanism: 'oauthbearer', token }), { users: { alice: 'token' } })
    await sendOne(world)
    assert.equal(tokens, 1, 'of two connections')
    await world.end()
  })
})

test('a token that was used before and is revoked: the producer goes on with a new one', async () => {
  let current = 'first'
  const token = () => ({ value: current, expiresAt: Date.now() + 3_600_000 })
  const world = await start({ mechanism: 'oauthbearer', token }, { users: { alice: 'first' } })
  assert.equal((await sendOne(world)).values[0]?.kind, 'acked')
  current = 'second'
  world.cluster.setUser('alice', 'second')
  await world.cluster.stopNode(1)
  await world.cluster.startNode(1)
  assert.equal((await sendOne(world)).values[0]?.kind, 'acked')
  assert.equal(fatal(world), undefined)
  await world.end()
})

/** What AWS MSK has: the client sends a signed request as JSON, the broker answers with a version and a request id. */
describe('a mechanism of the user, as AWS_MSK_IAM', () => {
  const iam: ClusterSaslOptions = {
    mechanisms: [],
    users: {},
    customMechanisms: {
      AWS_MSK_IAM: () => token => {
        const { host, 'x-amz-signature': signature } = JSON.parse(token)
        if (signature !== `signed ${host}`) return { refusal: 'Access denied' }
        return { answer: JSON.stringify({ version: '2020_10_22', 'request-id': '1' }), user: 'role' }
      },
      TWO_STEPS: () => {
        let step = 0
        return token =>
          token === `step ${++step}`
            ? { answer: `answer ${step}`, ...(step === 2 && { user: 'u' }) }
            : { refusal: 'no' }
      },
    },
  }
  const sign = (signature: string) => async (session: SaslSession) => {
    const payload = { version: '2020_10_22', host: session.host, 'x-amz-signature': signature }
    const answer = JSON.parse(Buffer.from(await session.send(Buffer.from(JSON.stringify(payload)))).toString())
    assert.equal(answer.version, '2020_10_22')
  }
  const withIam = (authenticate: (session: SaslSession) => Promise<void>, mechanism = 'AWS_MSK_IAM') =>
    start({ mechanism, authenticate }, iam)

  test('authenticates, and is told where', async () => {
    const seen: unknown[] = []
    const world = await withIam(async session => {
      seen.push([session.mechanism, session.port, session.signal.aborted])
      await sign(`signed ${session.host}`)(session)
    })
    const acks = await sendOne(world)
    assert.equal(acks.values[0]?.kind, 'acked')
    assert.deepEqual(seen[0], ['AWS_MSK_IAM', Number(world.cluster.brokers[0]!.split(':')[1]), false])
    await world.end()
  })

  test('of several tokens', async () => {
    const world = await withIam(async session => {
      assert.equal(Buffer.from(await session.send(Buffer.from('step 1'))).toString(), 'answer 1')
      assert.equal(Buffer.from(await session.send(Buffer.from('step 2'))).toString(), 'answer 2')
    }, 'TWO_STEPS')
    assert.equal((await sendOne(world)).values[0]?.kind, 'acked')
    await world.end()
  })

  test('that the broker refuses: final, the signal is aborted and the call rejects', async () => {
    let rejected: unknown
    let signal: AbortSignal | undefined
    const world = await withIam(async session => {
      signal = session.signal
      await sign('forged')(session).catch(error => {
        rejected = error
        throw error
      })
    })
    await sendOne(world)
    assert.match(fatal(world)?.message ?? '', /refused the AWS_MSK_IAM credentials: .*Access denied/)
    assert.equal(signal?.aborted, true)
    assert.ok(rejected instanceof ConnectionError)
    await world.end()
  })

  test('that throws may do better next time; an AuthenticationError is final', async () => {
    let calls = 0
    const world = await withIam(async session => {
      if (++calls === 1) throw new Error('no credentials yet')
      await sign(`signed ${session.host}`)(session)
      if (calls === 2) throw new Error('the answer is odd')
    })
    assert.equal((await sendOne(world)).values[0]?.kind, 'acked')
    assert.ok(calls >= 3)
    await world.end()
    const closed = await withIam(async () => {
      throw new AuthenticationError('the role is gone')
    })
    await sendOne(closed)
    assert.equal(fatal(closed)?.message, 'option `sasl.authenticate` failed: the role is gone')
    await closed.end()
  })

  test('that sends nothing, or two tokens at once, is an error of the program: final', async () => {
    for (const [authenticate, message] of [
      [async () => undefined, /returned without a call of `session.send\(\)`/],
      [
        async (session: SaslSession) => {
          await Promise.all([session.send(Buffer.from('step 1')), session.send(Buffer.from('step 2'))])
        },
        /session.send\(\) waits for an answer already/,
      ],
      [async (session: SaslSession) => void (await session.send('text' as never)), /takes a Uint8Array/],
    ] as const) {
      const world = await withIam(authenticate as (session: SaslSession) => Promise<void>, 'TWO_STEPS')
      await sendOne(world)
      assert.ok(fatal(world) instanceof AuthenticationError)
      assert.match(fatal(world)?.message ?? '', message)
      await world.end()
    }
  })

  test('may limit the session, which is renewed before; records flow until the first token is sent', async () => {
    const world = await start(
      {
        mechanism: 'AWS_MSK_IAM',
        authenticate: async session => {
          await sign(`signed ${session.host}`)(session)
          return { sessionLifetimeMs: 2000 }
        },
      },
      { ...iam, sessionLifetimeMs: 10_000 },
    )
    await sendOne(world)
    await world.time.advance(1700)
    const renewed = (): number => world.events.filter(event => event.kind === 'reauthenticated').length
    assert.equal(renewed(), 0)
    await world.time.advance(300)
    assert.ok(renewed() >= 1)
    await world.end()
  })
})
