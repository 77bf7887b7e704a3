/** What a producer tells of its first contact with brokers: connect(), an event, or a warning of the process. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { describe, type TestContext, test } from 'node:test'
import { lastValueFrom, of } from 'rxjs'
import {
  AuthenticationError,
  BootstrapError,
  BrokerError,
  createProducer,
  type Producer,
  ProducerClosedError,
  type ProducerEvent,
  type ProducerOptions,
  type ProducerRecord,
} from '../../src/index.js'
import { formatAddress } from '../../src/transport/transport.js'
import { VERSION } from '../../src/version.js'
import { startWorld, valuesIn, type World, type WorldOptions } from '../support/world.js'

const TOPICS = { t: { partitions: 1 } }
const USERS = { alice: 'secret' }
const RECORD: ProducerRecord = { topic: 't', value: 'v' }
const HOUR = 3_600_000
const ALWAYS = Number.POSITIVE_INFINITY
const count = (to: number): number[] => [...Array(to).keys()]

interface Contact extends World {
  /** Where it is to begin. */
  readonly addresses: readonly string[]
  /** Every attempt to connect, in order. */
  readonly attempts: string[]
  /** All brokers go, or come back. */
  down(): Promise<void>
  up(): Promise<void>
}

/** A producer whose events nobody looks at, and brokers that are there. */
async function start(
  { latencyMs, cluster, brokers }: WorldOptions & { brokers?: readonly string[] } = {},
  options: Partial<ProducerOptions> = {},
): Promise<Contact> {
  const world = await startWorld({ latencyMs: latencyMs ?? 0, cluster: { topics: TOPICS, ...cluster } })
  const nodes = count(world.cluster.brokers.length).map(n => n + 1)
  const addresses = brokers ?? [...world.cluster.brokers]
  const attempts: string[] = []
  const producer = createProducer({
    brokers: addresses,
    scheduler: world.time,
    transport: {
      connect: (address, listener) => {
        attempts.push(formatAddress(address))
        return world.network.connect(address, listener)
      },
    },
    random: () => 0.5,
    ...options,
  })
  return {
    ...world,
    producer,
    addresses,
    attempts,
    down: async () => {
      for (const node of nodes) await world.cluster.stopNode(node)
    },
    up: async () => {
      for (const node of nodes) await world.cluster.startNode(node)
    },
    end: async () => {
      await world.time.until(producer.close())
      await world.end()
    },
  }
}

/** What becomes of a promise. */
function outcome(promise: Promise<unknown>): { readonly now: unknown } {
  const result: { now: unknown } = { now: 'pending' }
  const end = (now: unknown): void => {
    result.now = now === undefined ? 'done' : now
  }
  promise.then(end, end)
  return result
}

/** The requests that came to brokers, by name. */
const requests = ({ cluster }: Contact, name: string): number =>
  cluster.trace.filter(entry => entry.kind === 'request' && entry.api === name).length

const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => assert.fail('it was resolved'),
    error => error,
  )

/** Warnings of the process while a test runs. */
function warnings(t: TestContext): Error[] {
  const heard: Error[] = []
  const hear = (warning: Error): void => void heard.push(warning)
  process.on('warning', hear)
  t.after(() => process.off('warning', hear))
  return heard
}

describe('connect()', () => {
  for (const [what, options, cluster] of [
    ['no credentials asked for', {}, {}],
    [
      'credentials that are good',
      { sasl: { mechanism: 'scram-sha-256', username: 'alice', password: 'secret' } },
      { sasl: { users: USERS } },
    ],
  ] as const) {
    test(`${what}: resolves when a producer id is had, and not before; the first record needs none`, async () => {
      const contact = await start({ cluster, latencyMs: 10 }, options)
      const events: ProducerEvent[] = []
      contact.producer.events$.subscribe(event => events.push(event))
      const connected = outcome(contact.producer.connect())
      await contact.time.until(() => requests(contact, 'InitProducerId') === 1)
      assert.equal(connected.now, 'pending')
      // The answer is on its way.
      await contact.time.advance(9)
      assert.equal(connected.now, 'pending')
      await contact.time.advance(1)
      assert.equal(connected.now, 'done')
      assert.equal(events.filter(({ kind }) => kind === 'producerId').length, 1)
      assert.equal(requests(contact, 'SaslAuthenticate') > 0, 'sasl' in options)
      // The connection's own, for the id of the cluster.
      assert.equal(requests(contact, 'Metadata'), 1)
      await contact.time.until(contact.producer.sendOne(RECORD))
      assert.deepEqual([valuesIn(contact.cluster, 't', 0), requests(contact, 'InitProducerId')], [['v'], 1])
      await contact.end()
    })
  }

  test('twice at once, and again later: one producer id for all', async () => {
    const contact = await start()
    const { producer, time } = contact
    const both = [outcome(producer.connect()), outcome(producer.connect())]
    await time.until(() => both.every(({ now }) => now === 'done'))
    await time.until(producer.connect())
    assert.deepEqual([requests(contact, 'InitProducerId'), contact.attempts.length], [1, 1])
    await contact.end()
  })

  test('while records are under way: resolves with their first contact; after it at once, with no request', async () => {
    const contact = await start()
    const { producer, time } = contact
    const sent = outcome(producer.sendOne(RECORD))
    await time.until(producer.connect())
    await time.until(() => sent.now !== 'pending')
    const before = contact.cluster.trace.length
    await contact.down()
    await producer.connect()
    assert.equal(contact.cluster.trace.slice(before).filter(({ kind }) => kind === 'request').length, 0)
    await contact.up()
    await contact.end()
  })

  test('no broker: rejects once every address was tried, naming each; both of two calls do, after one round', async () => {
    const contact = await start({ cluster: { nodes: 3 } })
    const { producer, time, addresses, attempts } = contact
    await contact.down()
    const both = [outcome(producer.connect()), outcome(producer.connect())]
    await time.until(() => both.every(({ now }) => now !== 'pending'))
    assert.deepEqual([...attempts].sort(), [...addresses].sort())
    const error = both[0]!.now as BootstrapError
    assert.equal(error, both[1]!.now)
    assert.equal(error.constructor, BootstrapError)
    assert.deepEqual([...error.failures.keys()].sort(), [...addresses].sort())
    for (const address of addresses)
      assert.match(error.message, new RegExp(`\n  ${address}: .*connect ECONNREFUSED ${address}`))
    await contact.end()
  })

  test('no broker, then one: a second call resolves, and records are sent', async () => {
    const contact = await start()
    const { producer, time } = contact
    await contact.down()
    for (const _ of count(3)) assert.equal((await time.until(failure(producer.connect()))).constructor, BootstrapError)
    await contact.up()
    await time.until(producer.connect())
    await time.until(producer.sendOne(RECORD))
    assert.deepEqual(valuesIn(contact.cluster, 't', 0), ['v'])
    await contact.end()
  })

  test('one address of three has a broker: resolves', async () => {
    const contact = await start({ cluster: { nodes: 3 } })
    await contact.cluster.stopNode(1)
    await contact.cluster.stopNode(2)
    await contact.time.until(contact.producer.connect())
    assert.equal(contact.attempts.at(-1), contact.addresses[2])
    assert.equal(new Set(contact.attempts).size, contact.attempts.length, 'none is tried twice')
    await contact.cluster.startNode(1)
    await contact.cluster.startNode(2)
    await contact.end()
  })

  test('credentials that are not: rejects with an AuthenticationError, and so does all that follows', async () => {
    const sasl = { mechanism: 'plain', username: 'alice', password: 'wrong' } as const
    const contact = await start({ cluster: { sasl: { users: USERS } } }, { sasl })
    const { producer, time } = contact
    const error = await time.until(failure(producer.connect()))
    assert.equal(error.constructor, AuthenticationError)
    assert.equal(await failure(producer.connect()), error)
    assert.equal(await failure(producer.sendOne(RECORD)), error)
    await time.advance(HOUR)
    assert.equal(contact.attempts.length, 1)
    await contact.end()
  })

  test('a broker that says it is not allowed: rejects with that', async () => {
    const contact = await start()
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 31 } })
    const error = await contact.time.until(failure(contact.producer.connect()))
    assert.equal(error.constructor, BrokerError)
    assert.match(String(error), /CLUSTER_AUTHORIZATION_FAILED/)
    await contact.end()
  })

  test('a broker that says "not yet" is asked again, however often', async () => {
    const contact = await start({}, { retryBackoffMs: 1_000 })
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 14 }, times: 9 })
    const connected = outcome(contact.producer.connect())
    await contact.time.advance(8_500)
    assert.equal(connected.now, 'pending')
    await contact.time.until(() => connected.now === 'done')
    assert.equal(requests(contact, 'InitProducerId'), 10)
    await contact.end()
  })

  test('brokers that do not answer: rejects once each was tried', async () => {
    const contact = await start({ cluster: { nodes: 2 } }, { requestTimeoutMs: 1_000 })
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'neverAnswer' }, times: ALWAYS })
    const connected = outcome(contact.producer.connect())
    await contact.time.advance(900)
    assert.equal(connected.now, 'pending')
    await contact.time.until(() => connected.now !== 'pending')
    for (const address of contact.addresses)
      assert.match(String(connected.now), new RegExp(`^BootstrapError[^]*${address} did not answer InitProducerId`))
    assert.deepEqual([...contact.attempts].sort(), contact.addresses)
    await contact.end()
  })

  test('its signal: the reason at once, before any attempt or in the middle of one; the trying goes on', async () => {
    const contact = await start()
    const { producer, time, attempts } = contact
    const reason = new Error('enough')
    assert.equal(await failure(producer.connect({ signal: AbortSignal.abort(reason) })), reason)
    await time.advance(1_000)
    assert.deepEqual(attempts, [])
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'delay', ms: 5_000 } })
    const abort = new AbortController()
    const [hasty, patient] = [outcome(producer.connect({ signal: abort.signal })), outcome(producer.connect())]
    await time.advance(1_000)
    abort.abort(reason)
    await time.advance(0)
    assert.deepEqual([hasty.now, patient.now, getEventListeners(abort.signal, 'abort').length], [reason, 'pending', 0])
    await time.until(() => patient.now === 'done')
    assert.deepEqual([attempts.length, requests(contact, 'InitProducerId')], [1, 1])
    await contact.end()
  })

  test('close(): ends it while it waits, and before it begins', async () => {
    const contact = await start()
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'neverAnswer' } })
    const connected = outcome(contact.producer.connect())
    await contact.time.advance(1_000)
    await contact.time.until(contact.producer.close())
    await contact.time.advance(0)
    assert.equal((connected.now as Error).constructor, ProducerClosedError)
    assert.equal((await failure(contact.producer.connect())).constructor, ProducerClosedError)
    await contact.end()
  })

  test('options that mean nothing are refused at the call', async () => {
    const contact = await start()
    assert.throws(() => contact.producer.connect({ timeoutMs: 5 } as never), {
      message: 'there is no option `timeoutMs` of connect(); the options are signal',
    })
    assert.throws(
      () => contact.producer.connect({ signal: 5 } as never),
      /`signal` is 5, but it must be an AbortSignal/,
    )
    assert.deepEqual(contact.attempts, [])
    await contact.end()
  })
})

describe('brokers that can not be reached', () => {
  const HASTY = { deliveryTimeoutMs: 20_000, requestTimeoutMs: 1_000 }

  /** Ways to send a record. */
  const WAYS: Readonly<Record<string, (producer: Producer) => { readonly now: unknown }>> = {
    'send()': producer => outcome(lastValueFrom(of(RECORD).pipe(producer.send()))),
    'publish()': producer => outcome(lastValueFrom(producer.publish([RECORD]))),
    'sendOne()': producer => outcome(producer.sendOne(RECORD)),
    'writable()': producer => outcome(pipeline([RECORD], producer.writable())),
  }
  for (const [way, send] of Object.entries(WAYS)) {
    for (const observed of [false, true]) {
      test(`${way}, events ${observed ? 'observed: an event, and no warning' : 'not observed: one warning that names each address'}`, async t => {
        const heard = warnings(t)
        const contact = await start({ cluster: { nodes: 2 } }, HASTY)
        const { producer, time, addresses, attempts } = contact
        const events: ProducerEvent[] = []
        if (observed) producer.events$.subscribe(event => events.push(event))
        // Who has looked, and looks no more, does not count.
        else producer.events$.subscribe().unsubscribe()
        await contact.down()
        const sent = send(producer)
        await time.until(() => attempts.length >= 2)
        await time.advance(0)
        const errors = events.flatMap(event => ('error' in event ? [event.error] : []))
        const told = observed ? errors : heard
        for (const address of addresses) assert.match(String(told[0]), new RegExp(`\n  ${address}: .*ECONNREFUSED`))
        if (observed) assert.equal(errors[0]!.constructor, BootstrapError)
        else assert.equal((heard[0] as Error & { code?: unknown }).code, 'RX_KAFKA_UNREACHABLE')
        // Many rounds later.
        await time.advance(30_000)
        assert.notEqual(sent.now, 'pending')
        send(producer)
        await time.advance(30_000)
        assert.equal(attempts.length > 20, true)
        assert.equal(heard.length, observed ? 0 : 1)
        await contact.end()
      })
    }
  }

  test('connect(): who has called it is told by its promise, and the process is not warned', async t => {
    const heard = warnings(t)
    const contact = await start()
    await contact.down()
    await contact.time.until(failure(contact.producer.connect()))
    await contact.time.advance(1_000)
    assert.deepEqual(heard, [])
    await contact.end()
  })

  test('another producer warns for itself', async t => {
    const heard = warnings(t)
    for (const _ of count(2)) {
      const contact = await start({}, HASTY)
      await contact.down()
      WAYS['sendOne()']!(contact.producer)
      await contact.time.advance(30_000)
      await contact.end()
    }
    assert.equal(heard.length, 2)
  })

  test('brokers that are slow, or say "not yet", are no reason to warn', async t => {
    const heard = warnings(t)
    const contact = await start({ latencyMs: 100 })
    contact.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 14 }, times: 3 })
    contact.cluster.inject({ api: 'Metadata', fault: { kind: 'error', code: 5 }, times: 2 })
    await contact.time.until(contact.producer.sendOne(RECORD))
    assert.deepEqual(heard, [])
    await contact.end()
  })

  /** What leaves a producer with nothing to do, and no broker. */
  const IDLE: Readonly<Record<string, (contact: Contact) => Promise<unknown>>> = {
    'a connect() that failed': ({ producer, time }) => time.until(failure(producer.connect())),
    'a connect() that its signal has ended': async ({ producer, time }) => {
      const abort = new AbortController()
      const connecting = failure(producer.connect({ signal: abort.signal }))
      abort.abort(new Error('enough'))
      await time.until(connecting)
    },
    'a record that failed': ({ producer, time }) => time.until(failure(producer.sendOne(RECORD))),
    'a record that failed, behind a connect() that did': async ({ producer, time }) => {
      await time.until(failure(producer.connect()))
      await time.until(failure(producer.sendOne(RECORD)))
    },
  }
  for (const [what, become] of Object.entries(IDLE)) {
    test(`idle after ${what}: it does nothing more, and goes on when it is asked to`, async t => {
      warnings(t)
      const contact = await start({}, HASTY)
      const { time, attempts, producer } = contact
      await contact.down()
      await become(contact)
      // One more, which was due already.
      await time.advance(5_000)
      const before = attempts.length
      assert.equal(before > 0, true)
      await time.advance(HOUR)
      assert.deepEqual([attempts.length - before, time.pending], [0, 0])
      await contact.up()
      await time.until(producer.sendOne({ ...RECORD, value: 'at last' }))
      assert.deepEqual(valuesIn(contact.cluster, 't', 0), ['at last'])
      await contact.end()
    })
  }
})

for (const [kafka, apiVersions, software] of [
  ['4.0', [0, 4], { name: 'rx-kafka', version: VERSION }],
  ['2.4', [0, 3], { name: 'rx-kafka', version: VERSION }],
  ['2.1', [0, 2], undefined],
] as const) {
  test(`a broker of Kafka ${kafka} hears ${software === undefined ? 'no' : 'the'} name and version of the library (KIP-511), and the client id in every request`, async () => {
    const world = await startWorld({
      cluster: { apiVersions: { ApiVersions: apiVersions } },
      producer: { clientId: 'shop' },
    })
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }))
    const heard = world.cluster.trace.filter(entry => entry.kind === 'request')
    const last = new Map(heard.filter(({ api }) => api === 'ApiVersions').map(entry => [entry.connection, entry]))
    assert.equal(last.size, 2)
    for (const entry of last.values()) {
      assert.deepEqual([entry.software, entry.version], [software, apiVersions[1]])
    }
    for (const { api, clientId } of heard) assert.equal(clientId, 'shop', api)
    await world.end()
  })
}
