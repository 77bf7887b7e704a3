import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { backoffMs } from '../../src/cluster/backoff.js'
import type { BrokerEvent } from '../../src/cluster/broker.js'
import { Brokers } from '../../src/cluster/brokers.js'
import { Metadata, type MetadataEvent } from '../../src/cluster/metadata.js'
import { BootstrapError } from '../../src/errors.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { decodeRequestBody, decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/wire/message.js'
import { type FakeSocket, FakeTransport } from '../support/fake-transport.js'

const BOOTSTRAP = [
  { host: 'a', port: 1 },
  { host: 'b', port: 2 },
]
const ALL = ['t', 'u', 'kept']
const RANGES = [18, 3, 0, 22].map(apiKey => ({ apiKey, minVersion: 0, maxVersion: apiKey === 3 ? 12 : 9 }))

let transport: FakeTransport
let scheduler: VirtualTimeScheduler
let brokers: Brokers
let cluster: Metadata
let events: (MetadataEvent | BrokerEvent)[]
/** Whether records wait for what the last answer lacked. */
let waits = true
const idle = new Set<string>()
const outdated = new Set<string>()
let forgotten: string[] = []

/** The only broker there is, as metadata has it. */
let only = { host: 'node1', port: 9 }

beforeEach(() => start(BOOTSTRAP))

function start(bootstrap: typeof BOOTSTRAP): void {
  only = { host: 'node1', port: 9 }
  transport = new FakeTransport()
  scheduler = new VirtualTimeScheduler()
  events = []
  waits = true
  idle.clear()
  outdated.clear()
  forgotten = []
  const options = {
    bootstrap,
    transport,
    scheduler,
    clientId: 'test',
    connectTimeoutMs: 1000,
    requestTimeoutMs: 500,
    idleConnectionMs: 0,
    maxResponseBytes: 10_000,
    retryBackoffMs: 100,
    retryBackoffMaxMs: 1000,
    random: () => 0.5,
    metadataMaxAgeMs: 60_000,
    metadataRecoveryRebootstrapTriggerMs: 300_000,
    allowAutoTopicCreation: true,
  }
  brokers = new Brokers(options)
  cluster = new Metadata(options, brokers, {
    waits: () => waits,
    isBusy: () => waits,
    isOutdated: ({ topicId }) => outdated.has(topicId),
    isIdle: topic => idle.has(topic),
    forgotten: topic => forgotten.push(topic),
  })
  brokers.events$.subscribe(event => events.push(event))
  cluster.events$.subscribe(event => events.push(event))
}

/** One broker, so that there is nobody else to ask. */
function startAlone(): void {
  start(BOOTSTRAP.slice(0, 1))
  only = BOOTSTRAP[0]!
}

/** Lets virtual time pass, up to and including `time`. */
function runTo(time: number): void {
  scheduler.maxFrames = time
  scheduler.flush()
  scheduler.frame = time
}

/** Opens the newest socket and does the handshake, which ends with the id of the cluster. */
function accept(socket: FakeSocket = transport.last): void {
  socket.listener.opened()
  const { apiVersion, correlationId } = decodeRequestHeader(socket.frames.at(-1)!)
  const response = { errorCode: 0, apiKeys: RANGES, throttleTimeMs: 0, finalizedFeatures: [] }
  socket.listener.received(Buffer.concat(encodeResponseFrame(apiVersions, apiVersion, correlationId, response)))
  assert.deepEqual(asked(socket), [])
  answer(0, [], socket)
}

function refuse(): void {
  transport.last.listener.closed(new Error(`connect ECONNREFUSED ${transport.last.address}`))
}

/** The topics of the newest metadata request. */
function asked(socket: FakeSocket = transport.last): string[] {
  const message = socket.frames.at(-1)!
  const { apiKey, apiVersion, bodyOffset } = decodeRequestHeader(message)
  assert.equal(apiKey, metadata.key)
  return decodeRequestBody(metadata, apiVersion, message, bodyOffset).topics!.map(topic => topic.name!)
}

/** Answers a metadata request, or the newest one: every topic with this error code, these leaders and this id. */
function answer(
  errorCode: number,
  leaders: readonly number[],
  socket: FakeSocket = transport.last,
  frame = -1,
  topicId: Buffer = Buffer.alloc(16),
): void {
  const message = socket.frames.at(frame)!
  const { apiVersion, correlationId, bodyOffset } = decodeRequestHeader(message)
  const { topics } = decodeRequestBody(metadata, apiVersion, message, bodyOffset)
  const response = {
    throttleTimeMs: 0,
    brokers: [{ nodeId: 1, ...only, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    clusterAuthorizedOperations: 0,
    errorCode: 0,
    topics: topics!.map(({ name }) => ({
      errorCode,
      name,
      topicId,
      isInternal: false,
      topicAuthorizedOperations: 0,
      partitions: leaders.map((leaderId, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId,
        leaderEpoch: 0,
        replicaNodes: [],
        isrNodes: [],
        offlineReplicas: [],
      })),
    })),
  }
  socket.listener.received(Buffer.concat(encodeResponseFrame(metadata, apiVersion, correlationId, response)))
}

test('back-off doubles, up to its maximum, a fifth to either side', () => {
  const options = { retryBackoffMs: 100, retryBackoffMaxMs: 1000, random: () => 0.5 }
  assert.deepEqual(
    [1, 2, 3, 4, 5, 500].map(failures => backoffMs(failures, options)),
    [100, 200, 400, 800, 1000, 1000],
  )
  assert.equal(backoffMs(1, { ...options, random: () => 0 }), 80)
  assert.equal(backoffMs(1, { ...options, random: () => 0.9999 }), 120)
})

test('the bootstrap list is gone through until one answers', () => {
  cluster.use('t')
  assert.equal(transport.last.address, 'a:1')
  refuse()
  assert.equal(transport.last.address, 'b:2')
  accept()
  assert.deepEqual(asked(), ['t'])
  answer(0, [1, 1])
  assert.deepEqual(events, [
    { kind: 'metadata', topics: [{ name: 't', topicId: '', leaders: [1, 1], leaderEpochs: [0, 0], error: undefined }] },
  ])
})

test('when none answers, the error names each address and what happened there; it is tried again after a pause', () => {
  cluster.use('t')
  refuse()
  transport.last.listener.opened()
  transport.last.listener.received(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const [event] = events
  assert.ok(event?.kind === 'metadataFailed' && event.error instanceof BootstrapError)
  assert.match(
    event.error.message,
    /a:1: no connection: connect ECONNREFUSED a:1\n {2}b:2: an HTTP server answers here/,
  )
  assert.deepEqual([...event.error.failures.keys()], ['a:1', 'b:2'])
  runTo(99)
  assert.equal(transport.sockets.length, 2)
  runTo(100)
  assert.equal(transport.sockets.length, 3)
})

test('known brokers are tried before the bootstrap list, and the list again when all of them are gone', () => {
  cluster.use('t')
  accept()
  answer(0, [1])
  runTo(100)
  transport.last.listener.closed(new Error('gone'))
  cluster.refresh(ALL)
  const tried = []
  for (let i = 0; i < 3; i++) {
    tried.push(transport.last.address)
    refuse()
  }
  assert.deepEqual(tried.sort(), ['a:1', 'b:2', 'node1:9'])
})

test('a topic that does not exist yet is asked for again, with back-off', () => {
  startAlone()
  cluster.use('t')
  accept()
  const times: number[] = []
  for (const until of [100, 300, 700]) {
    answer(3, [])
    const frames = transport.last.frames.length
    runTo(until - 1)
    assert.equal(transport.last.frames.length, frames)
    runTo(until)
    assert.equal(transport.last.frames.length, frames + 1)
    times.push(scheduler.now())
  }
  answer(0, [1])
  assert.deepEqual(times, [100, 300, 700])
})

test('so is a partition that nobody leads', () => {
  startAlone()
  cluster.use('t')
  accept()
  answer(0, [1, -1])
  runTo(100)
  assert.deepEqual(asked(), ['t'])
})

test('a final error is not asked about again when it made the topic be given up; of one in use it may be taken back', () => {
  startAlone()
  cluster.use('t')
  cluster.use('kept')
  accept()
  answer(0, [1])
  cluster.events$.subscribe(() => cluster.drop('t'))
  runTo(200)
  cluster.refresh(ALL)
  answer(29, [])
  runTo(400)
  assert.deepEqual(asked(), ['kept'])
  cluster.drop('kept')
  answer(29, [])
  const frames = transport.last.frames.length
  runTo(59_999)
  assert.equal(transport.last.frames.length, frames)
})

test('a wish during a request is answered by the next, and many wishes by one', () => {
  startAlone()
  cluster.use('t')
  accept()
  for (let i = 0; i < 10; i++) cluster.refresh(ALL)
  answer(0, [1])
  const frames = transport.last.frames.length
  runTo(99)
  assert.equal(transport.last.frames.length, frames, 'stale metadata is not a reason to spin')
  runTo(100)
  assert.equal(transport.last.frames.length, frames + 1)
})

test('a new topic does not wait for the pause after an answer, and is asked for alone', () => {
  cluster.use('t')
  accept()
  answer(0, [1])
  cluster.use('u')
  assert.deepEqual(asked(), ['u'])
})

test('whoever gives answers that are of no use is asked no more, while there are others', () => {
  cluster.use('t')
  const asked: string[] = []
  for (const time of [100, 300, 700, 1500, 2500]) {
    const socket = transport.sockets.find(({ frames }) => frames.length !== answered.get(frames)) ?? transport.last
    if (socket.frames.length === 0) accept(socket)
    asked.push(socket.address)
    answer(3, [], socket)
    answered.set(socket.frames, socket.frames.length)
    runTo(time)
  }
  // The first time it may be that the topic was created just now.
  assert.deepEqual(asked, ['a:1', 'a:1', 'node1:9', 'b:2', 'a:1'])
})

/** How many frames of a socket were answered. */
const answered = new WeakMap<readonly Buffer[], number>()

test('metadata is fetched again when it is old', () => {
  cluster.use('t')
  accept()
  answer(0, [1])
  const frames = transport.last.frames.length
  runTo(59_999)
  assert.equal(transport.last.frames.length, frames)
  runTo(60_000)
  assert.equal(transport.last.frames.length, frames + 1)
})

test('a topic that is dropped is not asked for any more', () => {
  startAlone()
  cluster.use('t')
  cluster.use('u')
  accept()
  cluster.drop('t')
  cluster.refresh(ALL)
  answer(0, [1])
  runTo(100)
  assert.deepEqual(asked(), ['u'])
})

test('an answer that is out of date is not passed on; the topic is asked for again, with back-off, while records wait for it', () => {
  startAlone()
  const [id, old] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)]
  outdated.add(old.toString('hex'))
  cluster.use('t')
  accept()
  answer(0, [1], transport.last, -1, id)
  cluster.refresh(ALL)
  runTo(100)
  const seen = events.length
  for (const [answered, again] of [
    [100, 200],
    [200, 400],
  ] as const) {
    assert.equal(scheduler.now(), answered)
    answer(0, [1, 1, 1], transport.last, -1, old)
    runTo(again - 1)
    const { length } = transport.last.frames
    runTo(again)
    assert.equal(transport.last.frames.length, length + 1)
  }
  assert.deepEqual(
    events.slice(seen).map(event => event.kind === 'metadata' && event.topics),
    [[], []],
  )
  waits = false
  answer(0, [1, 1, 1], transport.last, -1, old)
  const { length } = transport.last.frames
  runTo(10_000)
  assert.equal(transport.last.frames.length, length)
})

test('a produce connection is made once, and again after a pause', () => {
  brokers.update([[1, { host: 'node1', port: 9 }]])
  const broker = brokers.get(1)
  broker.connect()
  broker.connect()
  assert.equal(transport.sockets.length, 1)
  accept()
  assert.ok(broker.connection)
  transport.last.listener.closed(new Error('gone'))
  assert.equal(broker.connection, undefined)
  assert.deepEqual(
    events.map(event => event.kind),
    ['connected', 'disconnected'],
  )
  broker.connect()
  runTo(99)
  assert.equal(transport.sockets.length, 1)
  runTo(100)
  assert.equal(transport.sockets.length, 2)
  refuse()
  broker.connect()
  runTo(299)
  assert.equal(transport.sockets.length, 2, 'twice as long after a second failure')
  runTo(300)
  assert.equal(transport.sockets.length, 3)
})

describe('an address that metadata names no more', () => {
  /** The newest metadata was asked of node1, which is no bootstrap address. */
  function askNode1(): FakeSocket {
    start(BOOTSTRAP.slice(0, 1))
    cluster.use('t')
    accept()
    answer(0, [1])
    cluster.refresh(ALL)
    runTo(100)
    assert.equal(transport.last.address, 'node1:9')
    accept()
    return transport.last
  }

  test('loses its connection with the answer that says so', () => {
    const socket = askNode1()
    only = { host: 'node2', port: 9 }
    answer(0, [1])
    assert.equal(socket.destroyed, true)
  })

  test('loses it after what it owes: then there is none that nobody would close', () => {
    const socket = askNode1()
    let told = 0
    brokers.request(initProducerId, NOBODY).subscribe(() => told++)
    assert.equal(socket.frames.length, 4)
    only = { host: 'node2', port: 9 }
    answer(0, [1], socket, 2)
    assert.equal(socket.destroyed, false)
    const { apiVersion, correlationId } = decodeRequestHeader(socket.frames[3]!)
    const response = { throttleTimeMs: 0, errorCode: 0, producerId: 1n, producerEpoch: 0 }
    socket.listener.received(Buffer.concat(encodeResponseFrame(initProducerId, apiVersion, correlationId, response)))
    assert.deepEqual([told, socket.destroyed], [1, true])
  })
})

const NOBODY = { transactionalId: null, transactionTimeoutMs: 1, producerId: -1n, producerEpoch: -1 }

test('a broker whose address is not known is not connected to', () => {
  brokers.get(7).connect()
  assert.equal(transport.sockets.length, 0)
})

test('closed: no socket, no timer', () => {
  cluster.use('t')
  accept()
  answer(0, [1])
  const broker = brokers.get(1)
  broker.connect()
  accept()
  cluster.close()
  brokers.close()
  assert.ok(transport.sockets.every(socket => socket.destroyed))
  const now = scheduler.now()
  scheduler.maxFrames = Number.POSITIVE_INFINITY
  scheduler.flush()
  assert.equal(scheduler.now(), now)
  broker.connect()
  cluster.refresh(ALL)
  assert.equal(transport.sockets.length, 2)
})
