import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { inspect } from 'node:util'
import { type Subscription, VirtualTimeScheduler } from 'rxjs'
import {
  ConnectionError,
  MalformedMessageError,
  RequestTimeoutError,
  UnsupportedVersionError,
} from '../../src/errors.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/wire/message.js'
import { type Connection, openConnection } from '../../src/transport/connection.js'
import type { Socket, Transport } from '../../src/transport/transport.js'
import { FakeTransport } from '../support/fake-transport.js'

const ADDRESS = { host: 'broker', port: 9092 }
const OPTIONS = {
  clientId: 'test',
  connectTimeoutMs: 1000,
  requestTimeoutMs: 500,
  idleConnectionMs: 0,
  maxResponseBytes: 10_000,
  random: () => 0.5,
}
const INIT = { transactionalId: null, transactionTimeoutMs: 1, producerId: -1n, producerEpoch: -1 }
const RANGES = [
  { apiKey: 18, minVersion: 0, maxVersion: 4 },
  { apiKey: 22, minVersion: 0, maxVersion: 9 },
]

/** What to do about answers that a Kafka broker does not give. */
const CHECK_BROKER = 'check that it is Kafka 2.1 to 4.x, with no proxy that changes what it sends'

let transport: FakeTransport
let scheduler: VirtualTimeScheduler
let connection: Connection | undefined
let failure: Error | undefined
let life: Subscription

beforeEach(() => {
  transport = new FakeTransport()
  scheduler = new VirtualTimeScheduler()
  connection = undefined
  failure = undefined
  life = openConnection(ADDRESS, { ...OPTIONS, transport, scheduler }).subscribe({
    next: value => {
      connection = value
    },
    error: error => {
      failure = error
    },
  })
})

function receive(...chunks: Uint8Array[]): void {
  transport.last.listener.received(Buffer.concat(chunks))
}

function answerVersions(errorCode = 0, apiKeys = RANGES): void {
  const { apiVersion, correlationId } = decodeRequestHeader(transport.last.frames.at(-1)!)
  receive(
    ...encodeResponseFrame(apiVersions, apiVersion, correlationId, {
      errorCode,
      apiKeys,
      throttleTimeMs: 0,
      finalizedFeatures: [],
    }),
  )
}

function open(): Connection {
  transport.last.listener.opened()
  answerVersions()
  assert.ok(connection)
  return connection
}

function producerId(correlationId: number, value: bigint): Uint8Array[] {
  const response = { throttleTimeMs: 0, errorCode: 0, producerId: value, producerEpoch: 0 }
  return encodeResponseFrame(initProducerId, initProducerId.maxVersion, correlationId, response)
}

/** Sends InitProducerId and keeps what comes of it. */
function ask(from: Connection): { ids: bigint[]; error: Error | undefined } {
  const result: { ids: bigint[]; error: Error | undefined } = { ids: [], error: undefined }
  from.request(initProducerId, INIT).subscribe({
    next: response => result.ids.push(response.producerId),
    error: error => {
      result.error = error
    },
  })
  return result
}

test('nothing is written before the socket is open; then ApiVersions, newest version first', () => {
  assert.equal(transport.last.frames.length, 0)
  transport.last.listener.opened()
  const header = decodeRequestHeader(transport.last.frames[0]!)
  assert.equal(header.apiKey, 18)
  assert.equal(header.apiVersion, 4)
  assert.equal(header.clientId, 'test')
})

test('a broker that does not know the newest ApiVersions is asked again in version 0', () => {
  transport.last.listener.opened()
  answerVersions(35, [])
  assert.equal(connection, undefined)
  assert.equal(decodeRequestHeader(transport.last.frames[1]!).apiVersion, 0)
  answerVersions()
  assert.ok(connection)
})

test('requests use the highest version of both sides', () => {
  assert.equal(open().version(initProducerId), initProducerId.maxVersion)
})

test('an API that the broker does not speak is an error that names both ranges', () => {
  transport.last.listener.opened()
  answerVersions(0, [{ apiKey: 22, minVersion: 8, maxVersion: 9 }])
  const { error } = ask(connection!)
  assert.ok(error instanceof UnsupportedVersionError)
  assert.match(
    error.message,
    /InitProducerId: this library speaks versions 0 to 5, the broker at broker:9092 offers 8 to 9/,
  )
  assert.throws(() => connection!.version(apiVersions), /offers none/)
})

test('a request is written while it is subscribed to, and answers find theirs in order', () => {
  const opened = open()
  const [a, b] = [ask(opened), ask(opened)]
  assert.equal(transport.last.frames.length, 3)
  receive(...producerId(1, 10n), ...producerId(2, 20n))
  assert.deepEqual([a.ids, b.ids], [[10n], [20n]])
})

test('a wrong correlation id ends the connection and everything that waits', () => {
  const opened = open()
  const [a, b] = [ask(opened), ask(opened)]
  receive(...producerId(2, 20n))
  assert.ok(transport.last.destroyed)
  for (const { ids, error } of [a, b]) {
    assert.deepEqual(ids, [])
    assert.ok(error instanceof ConnectionError)
    assert.match(error.message, /correlation id 2, but the request has 1/)
  }
  assert.match(failure?.message ?? '', /correlation id 2/)
})

test('an answer that nothing waits for ends the connection', () => {
  open()
  receive(...producerId(1, 1n))
  assert.equal(
    failure?.message,
    'the broker at broker:9092 sent bytes that no request asked for: the answer has correlation id 1, but no request' +
      ` waits for one; ${CHECK_BROKER}`,
  )
})

test('an answer that is cut short inside ends the connection', () => {
  const { ids, error: _ } = ask(open())
  const frame = Buffer.concat(producerId(1, 1n))
  const cut = Buffer.from(frame.subarray(0, frame.length - 4))
  cut.writeInt32BE(cut.length - 4)
  receive(cut)
  assert.deepEqual(ids, [])
  assert.ok(transport.last.destroyed)
  assert.equal(
    failure?.message,
    'the broker at broker:9092 answered InitProducerId (version 5) with bytes that cannot be read: the field at offset 11 is cut' +
      ` off: its size is 8, of which 7 arrived; ${CHECK_BROKER}`,
  )
  assert.ok(failure.cause instanceof MalformedMessageError)
})

test('frames behind a broken one in the same chunk are not looked at', () => {
  const opened = open()
  const [a, b] = [ask(opened), ask(opened)]
  receive(...producerId(99, 1n), ...producerId(1, 1n), ...producerId(2, 2n))
  assert.deepEqual([a.ids, b.ids], [[], []])
})

test('a reply larger than allowed is refused as soon as its size is known', () => {
  const { error: _ } = ask(open())
  const size = Buffer.alloc(4)
  size.writeInt32BE(10_001)
  receive(size)
  assert.equal(
    failure?.message,
    'the broker at broker:9092 answered InitProducerId (version 5) with bytes that cannot be read: a frame announces 10001 bytes, but' +
      ' at most 10000 are accepted (it begins with "\\u0000\\u0000\'\\u0011"); raise option `maxResponseBytes` (10000) if' +
      ' answers may be that large',
  )
})

test('a size that is negative is no matter of `maxResponseBytes`', () => {
  const { error: _ } = ask(open())
  receive(Buffer.from('ffffffff', 'hex'))
  assert.match(
    failure?.message ?? '',
    /^the broker at broker:9092 answered InitProducerId \(version 5\) with .* announces -1 bytes, /,
  )
  assert.match(failure?.message ?? '', new RegExp(`; ${CHECK_BROKER}$`))
})

test('an answer that goes on behind its last field', () => {
  const { error: _ } = ask(open())
  const frame = Buffer.concat([...producerId(1, 1n), Buffer.alloc(3)])
  frame.writeInt32BE(frame.length - 4)
  receive(frame)
  assert.match(
    failure?.message ?? '',
    /answered InitProducerId \(version 5\) with .*: the message goes on after the last field of .* \(bytes left: 3\)/,
  )
})

test('what answers ApiVersions with anything else may be no broker at all', () => {
  transport.last.listener.opened()
  receive(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'))
  assert.equal(
    failure?.message,
    'the broker at broker:9092 answered ApiVersions (version 4) with bytes that cannot be read: a frame announces 1397966893 bytes, but' +
      ' at most 10000 are accepted (it begins with "SSH-2.0-OpenSSH_"); check that option `brokers` names Kafka brokers,' +
      ' or raise option `maxResponseBytes` (10000) if answers may be that large',
  )
})

test('an empty frame', () => {
  transport.last.listener.opened()
  receive(Buffer.alloc(4))
  assert.equal(
    failure?.message,
    'the broker at broker:9092 answered ApiVersions (version 4) with bytes that cannot be read: the field at offset 0 is cut' +
      ' off: its size is 4, of which 0 arrived; check that option `brokers` names Kafka brokers',
  )
})

test('a request that is not answered in time ends the connection, and those behind it', () => {
  const opened = open()
  const a = ask(opened)
  scheduler.schedule(() => receive(...producerId(1, 1n)), 400)
  const late: { error: Error | undefined }[] = []
  scheduler.schedule(() => late.push(ask(opened)), 300)
  scheduler.flush()
  assert.deepEqual(a.ids, [1n])
  assert.equal(scheduler.now(), 800, 'the second was sent at 300')
  assert.ok(late[0]?.error instanceof RequestTimeoutError)
  assert.match(late[0].error.message, /did not answer InitProducerId within 500 ms \(option `requestTimeoutMs`\)/)
  assert.ok(transport.last.destroyed)
})

test('a connection that is not made in time, and one whose handshake is not', () => {
  scheduler.flush()
  assert.match(failure?.message ?? '', /no connection was made within 1000 ms \(option `connectTimeoutMs`\)/)
})

test('an event loop that was blocked meanwhile: the handshake has its time anew, once', () => {
  // Time passes, and no timer runs.
  const now = scheduler.now
  const from = (ms: number): void => {
    scheduler.now = () => ms + now()
  }
  from(3_000)
  scheduler.maxFrames = 1_000
  scheduler.flush()
  assert.equal(transport.last.destroyed, false)
  from(9_000)
  scheduler.maxFrames = 2_000
  scheduler.flush()
  assert.match(failure?.message ?? '', /no connection was made within 1000 ms/)
})

test('a handshake that is not answered ends by the request timeout or the connect timeout, whichever is first', () => {
  transport.last.listener.opened()
  scheduler.flush()
  assert.match(failure?.message ?? '', /did not answer ApiVersions within 500 ms/)
})

test('a refused connection says why', () => {
  transport.last.listener.closed(
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9092'), { code: 'ECONNREFUSED' }),
  )
  assert.match(failure?.message ?? '', /no connection: connect ECONNREFUSED/)
})

test('what a socket says of a host is made visible, and cut', () => {
  const host = `\x1b[2J${'x'.repeat(2_000)}`
  transport.last.listener.closed(new Error(`getaddrinfo ENOTFOUND ${host}`))
  assert.match(failure?.message ?? '', /^no connection: getaddrinfo ENOTFOUND \\u001b\[2Jx+… \(\d+ letters in all\)$/)
})

test('a broker that refuses ApiVersions is named', () => {
  transport.last.listener.opened()
  answerVersions(-1, [])
  assert.equal(failure?.name, 'ConnectionError')
  assert.match(failure?.message ?? '', /^the broker at broker:9092 refused ApiVersions: UNKNOWN_SERVER_ERROR/)
})

test('several addresses of one host, all refused: each is told', () => {
  const errors = [new Error('connect ECONNREFUSED ::1:9092'), new Error('connect ECONNREFUSED 127.0.0.1:9092')]
  transport.last.listener.closed(new AggregateError(errors))
  assert.match(failure?.message ?? '', /ECONNREFUSED ::1:9092; connect ECONNREFUSED 127.0.0.1:9092/)
})

test('an HTTP server, a TLS listener, and one that just closes are told apart', () => {
  transport.last.listener.opened()
  receive(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  assert.equal(
    failure?.message,
    'an HTTP server answers here, not Kafka; check host and port in option `brokers` (broker:9092)',
  )
})

test('a TLS listener answers with an alert', () => {
  transport.last.listener.opened()
  receive(Buffer.from([21, 3, 3, 0, 2, 2, 70]))
  assert.equal(
    failure?.message,
    'a TLS listener answers here, not plain Kafka: set option `ssl` to speak TLS; check host and port in option `brokers` (broker:9092)',
  )
})

test('a listener that closes without a word may want TLS or SASL', () => {
  transport.last.listener.opened()
  transport.last.listener.closed()
  assert.match(
    failure?.message ?? '',
    /closed by the broker; it ended before any answer: so does a listener that expects TLS \(option `ssl`\), a broker that has as many connections as it allows \(its `max\.connections\.per\.ip`\)/,
  )
})

test('a connection that breaks fails what waits, in order, and every later request', () => {
  const opened = open()
  const order: string[] = []
  for (const name of ['a', 'b']) opened.request(initProducerId, INIT).subscribe({ error: () => order.push(name) })
  transport.last.listener.closed(new Error('read ECONNRESET'))
  assert.deepEqual(order, ['a', 'b'])
  assert.match(failure?.message ?? '', /the connection to broker:9092 broke: read ECONNRESET/)
  assert.ok(opened.closed)
  assert.ok(ask(opened).error instanceof ConnectionError)
  scheduler.flush()
  assert.equal(scheduler.now(), 0, 'no timer is left')
})

test('an answer that is cut off is what a timeout, and the end of the connection, tell of', () => {
  const opened = open()
  const timedOut = ask(opened)
  receive(Buffer.from('0000006400000001', 'hex'))
  scheduler.flush()
  assert.equal(
    timedOut.error?.message,
    'the broker at broker:9092 did not answer InitProducerId within 500 ms (option `requestTimeoutMs`); an answer was cut off: it announces 100 bytes, of which 4 came',
  )
})

test('the same where the broker closes the connection', () => {
  const cut = ask(open())
  receive(Buffer.from('00000064000000', 'hex'))
  transport.last.listener.closed()
  assert.match(
    cut.error?.message ?? '',
    /was closed by the broker; an answer was cut off: it announces 100 bytes, of which 3 came/,
  )
})

test('unsubscribing closes the socket and leaves no timer', () => {
  open()
  life.unsubscribe()
  assert.ok(transport.last.destroyed)
  assert.equal(failure, undefined)
  scheduler.flush()
  assert.equal(scheduler.now(), 0)
})

/** What comes of connecting by a transport that throws, or to an address that is none. */
function openBy(transport: Transport, address = ADDRESS): { errors: Error[]; time: VirtualTimeScheduler; end(): void } {
  const errors: Error[] = []
  const time = new VirtualTimeScheduler()
  const life = openConnection(address, { ...OPTIONS, transport, scheduler: time }).subscribe({
    error: error => errors.push(error),
  })
  return { errors, time, end: () => life.unsubscribe() }
}

for (const thrown of [new TypeError('Port should be >= 0 and < 65536'), 'a text', undefined, null]) {
  test(`a transport that throws ${inspect(thrown)} is a connection that could not be made, told later as any other is`, () => {
    const throwing: Transport = {
      connect() {
        throw thrown
      },
    }
    const { errors, time } = openBy(throwing)
    assert.deepEqual(errors, [])
    time.flush()
    const said = thrown instanceof Error ? thrown.message : String(thrown)
    assert.deepEqual(
      errors.map(({ message, cause }) => [message, cause]),
      [[`no connection: ${said}`, thrown]],
    )
    assert.equal(time.now(), 0, 'no timer runs on')
  })
}

test('a transport that throws, of a connection that nobody wants any more: nothing is told, and no timer is left', () => {
  const throwing: Transport = {
    connect() {
      throw new Error('no')
    },
  }
  const { errors, time, end } = openBy(throwing)
  end()
  time.flush()
  assert.deepEqual([errors, time.now()], [[], 0])
})

test('a transport that tells of the end from inside connect(), or gives no socket', () => {
  const early: Transport = {
    connect(_, listener) {
      listener.closed(new Error('too early'))
      return undefined as unknown as Socket
    },
  }
  const { errors, time } = openBy(early)
  time.flush()
  assert.deepEqual(
    errors.map(({ message }) => message),
    ['no connection: too early'],
  )
  assert.equal(time.now(), 0)
})

for (const [host, port, fault] of [
  ['b', 0, "nobody can be reached at 'b:0': its port is 0, and ports are numbers from 1 to 65535"],
  ['b', 70000, "nobody can be reached at 'b:70000': its port is 70000, and ports are numbers from 1 to 65535"],
  ['b', -5, "nobody can be reached at 'b:-5': its port is -5, and ports are numbers from 1 to 65535"],
  ['', 9092, "nobody can be reached at ':9092': its host is empty"],
] as const) {
  test(`${fault}: the transport is not asked`, () => {
    const asked = new FakeTransport()
    const { errors, time } = openBy(asked, { host, port })
    time.flush()
    assert.deepEqual(
      errors.map(({ message }) => message),
      [`no connection: ${fault}`],
    )
    assert.equal(asked.sockets.length, 0)
  })
}
