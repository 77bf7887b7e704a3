import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { type ConnectionOptions, createSecureContext, createServer, type TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { asyncScheduler, concat, firstValueFrom, from, NEVER } from 'rxjs'
import { AuthenticationError, ConnectionError, createProducer, type ProducerOptions } from '../../src/index.js'
import { resolveSsl } from '../../src/producer/options/ssl.js'
import { type ClusterOptions, startCluster, type TestCluster } from '../../src/testing/index.js'
import { openConnection } from '../../src/transport/connection.js'
import { renewedTls, tls as tlsWithin } from '../../src/transport/tls.js'
import type { Transport } from '../../src/transport/transport.js'
import { cert, key, renewed } from '../support/certificate.js'
import { tcp } from '../support/tcp.js'
import { valuesIn } from '../support/world.js'

const tls = (options: ConnectionOptions): Transport => tlsWithin(options, 10_000)
const SSL = { ssl: { key, cert } }
const TOPICS = { topics: { t: { partitions: 1 } } }
const values = Array.from({ length: 500 }, (_, i) => `v${i}`)

/** Sends all values to a cluster, then ends both; gives what became of it. */
async function run(
  cluster: ClusterOptions,
  options: Partial<ProducerOptions>,
  host = '127.0.0.1',
): Promise<{
  stored: string[]
  kinds: string[]
  streamError: Error | undefined
  fatal: Error | undefined
}> {
  await using started = await startCluster({ ...TOPICS, ...cluster })
  const brokers = started.brokers.map(broker => broker.replace('127.0.0.1', host))
  await using producer = createProducer({ brokers, batchSize: 200, ...options })
  let fatal: Error | undefined
  producer.events$.subscribe(event => {
    if (event.kind === 'fatal') fatal = event.error
  })
  const kinds: string[] = []
  let streamError: Error | undefined
  await new Promise<void>(resolve => {
    // The source stays open: only an error ends the stream.
    const records$ = concat(from(values.map(value => ({ topic: 't', value }))), NEVER)
    records$.pipe(producer.send()).subscribe({
      next: ack => {
        if (kinds.push(ack.kind) === values.length && fatal === undefined) resolve()
      },
      error: error => {
        streamError = error
        resolve()
      },
    })
  })
  return { stored: valuesIn(started, 't', 0), kinds, streamError, fatal }
}

describe('TLS', () => {
  test('with a certificate that is trusted', async () => {
    const { stored, kinds } = await run(SSL, { ssl: { ca: cert } })
    assert.deepEqual(stored, values)
    assert.deepEqual(new Set(kinds), new Set(['acked']))
  })

  test('with SASL inside', async () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'alice', password: 'p' } as const
    const { stored } = await run({ ...SSL, sasl: { users: { alice: 'p' } } }, { ssl: { ca: cert }, sasl })
    assert.deepEqual(stored, values)
  })

  test('a name that the certificate is for can be asked for in place of the host', async () => {
    const { stored } = await run(SSL, { ssl: { ca: cert, servername: 'broker.test' } })
    assert.deepEqual(stored, values)
  })

  test('without a look at certificates, where the user wants that', async () => {
    const { stored } = await run(SSL, { ssl: { rejectUnauthorized: false } })
    assert.deepEqual(stored, values)
  })
})

describe('a function as `ssl`', () => {
  for (const [what, of] of [
    ['options', (own: typeof renewed) => ({ ca: own.cert, ...own })],
    ['a `secureContext`', (own: typeof renewed) => ({ secureContext: createSecureContext({ ca: own.cert, ...own }) })],
  ] as const) {
    test(`the next connection uses the renewed authority and certificate: ${what}`, async () => {
      const old = { key, cert }
      await using cluster = await startCluster({ ...TOPICS, ssl: { ...old, ca: cert } })
      let current = old
      let calls = 0
      await using producer = createProducer({
        brokers: cluster.brokers,
        ssl: async () => {
          calls++
          return of(current)
        },
      })
      const fatal = (): never => assert.fail('the producer has ended')
      producer.events$.subscribe(event => event.kind === 'fatal' && fatal())
      assert.equal((await producer.sendOne({ topic: 't', value: 'old' })).kind, 'acked')
      const before = calls
      cluster.setSsl({ ...renewed, ca: renewed.cert })
      current = renewed
      await cluster.stopNode(1)
      await cluster.startNode(1)
      assert.equal((await producer.sendOne({ topic: 't', value: 'new' })).kind, 'acked')
      assert.ok(calls > before, `${calls} calls`)
      assert.deepEqual(valuesIn(cluster, 't', 0), ['old', 'new'])
    })
  }

  test('that throws is called again with back-off', async () => {
    await using cluster = await startCluster({ ...TOPICS, ...SSL })
    let calls = 0
    const ssl = () => {
      if (++calls === 1) throw new Error('the store is down')
      return { ca: cert }
    }
    await using producer = createProducer({ brokers: cluster.brokers, ssl, retryBackoffMs: 1 })
    const said: string[] = []
    producer.events$.subscribe(event => 'error' in event && said.push(event.error?.message ?? ''))
    assert.equal((await producer.sendOne({ topic: 't', value: 'v' })).kind, 'acked')
    assert.ok(
      said.some(text => text.includes('the function in option `ssl` failed: the store is down')),
      said.join(),
    )
  })

  for (const [what, result, message] of [
    ['no object', 'pem', /`ssl` must be true, false, an object/],
    ['an unreadable key', { key: 'pem' }, /option `ssl` can't be used/],
    ['an impossible option', { lookup: 5 }, /`ssl.lookup` is 5/],
  ] as const) {
    test(`that returns ${what} ends the producer`, async () => {
      const error = await failure(
        1,
        resolveSsl(() => result as never, 10_000),
      )
      assert.ok(error instanceof AuthenticationError, String(error))
      assert.match(error.message, /^the function in option `ssl` returned something else than that option takes: /)
      assert.match(error.message, message)
    })
  }

  test('a connection that ends while the options are awaited is not made', async () => {
    let give: (options: ConnectionOptions) => void = () => undefined
    const transport = renewedTls(() => new Promise(resolve => (give = resolve)), 10_000)
    let closed = 0
    const ignored = (): void => assert.fail('it was made')
    const listener = { opened: ignored, received: ignored, closed: () => void closed++ }
    const socket = transport.connect({ host: 'broker.test', port: 9093 }, listener)
    socket.destroy()
    socket.destroy()
    assert.equal(closed, 0, 'not from inside the call')
    let tried = 0
    give({ lookup: () => void tried++ })
    await new Promise(setImmediate)
    assert.deepEqual([closed, tried], [1, 0])
  })
})

describe('row 21: untrusted TLS fails fast with a clear error', () => {
  for (const [what, options, host, message] of [
    [
      'an authority that is not known',
      { ssl: true },
      '127.0.0.1',
      /the certificate of 127.0.0.1:\d+ is not trusted: self.signed certificate/,
    ],
    [
      'a certificate for another host',
      { ssl: { ca: cert } },
      'localhost',
      /the certificate of localhost:\d+ is not trusted: .*localhost.*broker\.test/s,
    ],
    ['another name', { ssl: { ca: cert, servername: 'evil.test' } }, '127.0.0.1', /is not trusted: .*evil\.test/s],
  ] as const) {
    test(`row 21: ${what}: every record fails with the error, the stream errors after them`, async () => {
      const { stored, kinds, streamError, fatal } = await run(SSL, options, host)
      assert.ok(fatal instanceof AuthenticationError, String(fatal))
      assert.match(fatal.message, message)
      assert.match(fatal.message, /\(option `ssl`\)/)
      assert.equal(streamError, fatal)
      assert.deepEqual([stored.length, new Set(kinds)], [0, new Set(['failed'])])
    })
  }

  test('row 21: TLS to brokers that do not speak it: told, and not final, for a broker that ends looks the same', async () => {
    await using cluster = await startCluster()
    const error = await failure(portOf(cluster), tls({ ca: cert }))
    assert.ok(error instanceof ConnectionError, inspect(error))
    assert.match(
      error.message,
      /^the TLS handshake with 127.0.0.1:\d+ failed: the connection ended, as with a listener that does not speak TLS/,
    )
  })

  test('row 21: no TLS to brokers that speak it: the same', async () => {
    await using cluster = await startCluster(SSL)
    const error = await failure(portOf(cluster), tcp)
    assert.ok(error instanceof ConnectionError, inspect(error))
    assert.match(error.message, /a TLS listener answers here|so does a listener that expects TLS/)
  })
})

const portOf = ({ brokers: [broker = ''] }: TestCluster): number => Number(broker.split(':')[1])

/** Connects; gives the error. */
async function failure(port: number, transport: Transport, host = '127.0.0.1'): Promise<Error> {
  const opened = openConnection(
    { host, port },
    {
      transport,
      scheduler: asyncScheduler,
      clientId: 'test',
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      idleConnectionMs: 0,
      maxResponseBytes: 1000,
      random: Math.random,
    },
  )
  return firstValueFrom(opened).then(
    () => assert.fail('connected'),
    error => error,
  )
}

test('a broker is asked for by its name (SNI), as those are that share an address; an IP address is no name', async () => {
  for (const [host, expected] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ] as const) {
    const server = createServer({ key, cert })
    server.listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const closed = (): void => undefined
    const socket = tls({ rejectUnauthorized: false }).connect(
      { host, port },
      { opened: closed, received: closed, closed },
    )
    const [accepted] = (await once(server, 'secureConnection')) as [TLSSocket]
    const { servername } = accepted as TLSSocket & { servername: unknown }
    socket.destroy()
    accepted.destroy()
    server.close()
    await once(server, 'close')
    assert.equal(servername, expected)
  }
})

for (const [advertised, ssl, trusted] of [
  ['broker.test', {}, true],
  ['127.0.0.1', {}, true],
  ['other.test', {}, false],
  ['127.0.0.9', {}, false],
  ['other.test', { servername: 'broker.test' }, true],
  ['127.0.0.9', { servername: 'broker.test' }, true],
  ['other.test', { checkServerIdentity: (name: string) => assert.equal(name, 'other.test') as undefined }, true],
  ['127.0.0.9', { checkServerIdentity: (name: string) => assert.equal(name, '127.0.0.9') as undefined }, true],
] as const) {
  test(`a broker at an address of \`mapAddress\` must be ${advertised}, as advertised (${Object.keys(ssl)})`, async t => {
    const server = createServer({ key, cert })
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.2')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const error = await new Promise<Error | undefined>(resolve => {
      const socket = tls({ ca: cert, ...ssl }).connect(
        { host: '127.0.0.2', port, servername: advertised },
        {
          opened: () => {
            resolve(undefined)
            socket.destroy()
          },
          received: () => {},
          closed: resolve,
        },
      )
    })
    assert.equal(error === undefined, trusted, String(error))
    if (!trusted) assert.match(error!.message, new RegExp(`127.0.0.2:\\d+ is not trusted: .*${advertised}`))
  })
}

describe('what ends a TLS connection', () => {
  test('a client certificate that a broker asks for, and does not get: it has no use to try again', async () => {
    const server = createServer({ key, cert, requestCert: true, rejectUnauthorized: true }, () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const error = await failure((server.address() as AddressInfo).port, tls({ ca: cert }))
    assert.ok(error instanceof AuthenticationError, inspect(error))
    assert.match(error.message, /does not accept this client's certificate/)
    server.close()
    await once(server, 'close')
  })

  test("a check of the user's that throws: the host is not trusted, and the error says what was thrown", async () => {
    const server = createServer({ key, cert }, () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const checkServerIdentity = (): never => {
      throw new TypeError('it has a bug')
    }
    const error = await failure((server.address() as AddressInfo).port, tls({ ca: cert, checkServerIdentity }))
    assert.ok(error instanceof AuthenticationError, inspect(error))
    assert.match(error.message, /is not trusted: `ssl.checkServerIdentity` threw: it has a bug/)
    server.close()
    await once(server, 'close')
  })

  test("a look-up of the user's that throws: no connection", async () => {
    const lookup = (): never => {
      throw new TypeError('it has a bug')
    }
    const error = await failure(9092, tls({ ca: cert, lookup }), 'broker.test')
    assert.ok(error instanceof ConnectionError, inspect(error))
    assert.equal(error.message, 'no connection: it has a bug')
  })

  test('something that speaks another protocol', async () => {
    const server = createTcpServer(socket =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const error = await failure((server.address() as AddressInfo).port, tls({ ca: cert }))
    assert.ok(error instanceof ConnectionError, inspect(error))
    assert.match(
      error.message,
      /^the TLS handshake with 127.0.0.1:\d+ failed: what listens there does not speak TLS \(option `ssl`\): [a-z ]+ \(ERR_SSL_\w+\)$/,
    )
    server.close()
    await once(server, 'close')
  })

  /** A server that does this with what first comes of a client, and the error that the client ends with. */
  async function served(t: TestContext, serve: (socket: Socket) => void, options: ConnectionOptions): Promise<Error> {
    const server = createTcpServer(socket => {
      socket.on('error', () => undefined)
      socket.once('data', () => serve(socket))
    })
    t.after(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return failure((server.address() as AddressInfo).port, tls(options))
  }

  for (const [what, bytes] of [
    // A fatal alert: protocol_version.
    ['refuses this version', '15030100020246'],
    // A ServerHello of TLS 1.1, without extensions.
    ['answers in TLS 1.1', `160302002a020000260302${'00'.repeat(32)}00c01400`],
  ] as const) {
    test(`a broker that ${what} speaks TLS, and the error says so`, async t => {
      const error = await served(t, socket => socket.end(Buffer.from(bytes, 'hex')), { ca: cert })
      assert.equal(error.name, 'ConnectionError')
      assert.match(
        error.message,
        /^the TLS handshake with 127.0.0.1:\d+ failed: the broker speaks no version of TLS that this process does \(options `ssl.minVersion` and `ssl.maxVersion`\): [\w ]+ \(ERR_SSL_\w+\)$/,
      )
    })
  }

  for (const [what, options, message] of [
    ['without a certificate', { ca: cert }, /or one that wants a client certificate \(option `ssl`\)/],
    ['with one', { ca: cert, cert, key }, /or one that does not accept this client's certificate \(option `ssl`\)/],
  ] as const) {
    test(`a broker that ends the handshake without an alert, for a client ${what}`, async t => {
      const error = await served(t, socket => socket.destroy(), options)
      assert.equal(error.name, 'ConnectionError')
      assert.match(error.message, /^the TLS handshake with 127.0.0.1:\d+ failed: the connection ended, as with/)
      assert.match(error.message, message)
    })
  }

  for (const [what, options, message] of [
    ['without a certificate', { ca: cert }, /as one that wants a client certificate may do \(option `ssl`\)/],
    ['with one', { ca: cert, cert, key }, /as one that does not accept this client's certificate may do/],
  ] as const) {
    test(`a broker that ends the connection right after the handshake, for a client ${what}`, async t => {
      const server = createServer({ key, cert }, socket => socket.destroy())
      t.after(() => server.close())
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const error = await failure((server.address() as AddressInfo).port, tls(options))
      assert.equal(error.name, 'ConnectionError')
      assert.match(error.message, /ended the connection after the TLS handshake, before any answer/)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /expects TLS/)
    })
  }

  test('nobody there: not a word of TLS', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const error = await failure(port, tls({ ca: cert }))
    assert.ok(error instanceof ConnectionError)
    assert.match(error.message, /ECONNREFUSED/)
    assert.ok(!error.message.includes('TLS'), error.message)
  })
})
