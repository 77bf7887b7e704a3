import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { backgroundWorkDone } from '../../src/background-work.js'
import { bounded } from '../../src/bounded-scheduler.js'
import { AuthenticationError, ConnectionError } from '../../src/errors.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.js'
import { decodeRequestBody, decodeRequestHeader, encodeResponseFrame } from '../../src/protocol/wire/message.js'
import { type Connection, openConnection } from '../../src/transport/connection.js'
import { custom, type SaslSession } from '../../src/transport/custom.js'
import type { SaslLogin } from '../../src/transport/mechanism.js'
import { oauthbearer } from '../../src/transport/oauthbearer.js'
import { plain } from '../../src/transport/plain.js'
import { type ScramHash, scram } from '../../src/transport/scram.js'
import { FakeTransport } from '../support/fake-transport.js'

const RANGES = [
  { apiKey: 17, minVersion: 0, maxVersion: 1 },
  { apiKey: 18, minVersion: 0, maxVersion: 4 },
  { apiKey: 22, minVersion: 0, maxVersion: 4 },
  { apiKey: 36, minVersion: 0, maxVersion: 2 },
]
const INIT = { transactionalId: null, transactionTimeoutMs: 1, producerId: -1n, producerEpoch: -1 }

let transport: FakeTransport
let scheduler: VirtualTimeScheduler
/** What the connection has emitted. */
let ready: Connection[]
let failure: Error | undefined

beforeEach(() => {
  transport = new FakeTransport()
  scheduler = new VirtualTimeScheduler()
  ready = []
  failure = undefined
})

/** Opens a connection, through ApiVersions. */
function open(sasl: SaslLogin, random = 0.5, throttleTimeMs = 0): void {
  openConnection(
    { host: 'broker', port: 9092 },
    {
      transport,
      scheduler: bounded(scheduler),
      clientId: 'test',
      connectTimeoutMs: 1000,
      requestTimeoutMs: 500,
      idleConnectionMs: 0,
      maxResponseBytes: 10_000,
      random: () => random,
      sasl,
    },
  ).subscribe({
    next: connection => ready.push(connection),
    error: error => {
      failure = error
    },
  })
  transport.last.listener.opened()
  answer(apiVersions, { errorCode: 0, apiKeys: RANGES, throttleTimeMs, finalizedFeatures: [] })
}

/** Answers the last request that was sent, or the one that many before it. */
function answer(
  api: typeof apiVersions | typeof saslHandshake | typeof saslAuthenticate,
  fields: object,
  back = 1,
): void {
  const { apiKey, apiVersion, correlationId } = decodeRequestHeader(transport.last.frames.at(-back)!)
  assert.equal(apiKey, api.key)
  const bytes = encodeResponseFrame(api as typeof apiVersions, apiVersion, correlationId, fields as never)
  transport.last.listener.received(Buffer.concat(bytes))
}

function handshaken(errorCode = 0, mechanisms = ['PLAIN', 'SCRAM-SHA-256']): void {
  answer(saslHandshake, { errorCode, mechanisms })
}

function authenticated(
  fields: { errorCode?: number; errorMessage?: string; token?: string; lifetime?: bigint } = {},
): void {
  const { errorCode = 0, errorMessage = null, token = '', lifetime = 0n } = fields
  answer(saslAuthenticate, { errorCode, errorMessage, authBytes: Buffer.from(token), sessionLifetimeMs: lifetime })
}

/** The token of the last request. */
function said(): string {
  const frame = transport.last.frames.at(-1)!
  const { apiKey, apiVersion, bodyOffset } = decodeRequestHeader(frame)
  assert.equal(apiKey, saslAuthenticate.key)
  return decodeRequestBody(saslAuthenticate, apiVersion, frame, bodyOffset).authBytes.toString()
}

/** Lets a key be derived, and promises run. */
async function derived(): Promise<void> {
  await new Promise(setImmediate)
  await backgroundWorkDone()
  await new Promise(setImmediate)
}

const sent = (): number[] => transport.last.frames.map(frame => decodeRequestHeader(frame).apiKey)

describe('the first authentication', () => {
  test('ApiVersions, SaslHandshake 1, SaslAuthenticate; the connection is there only then', () => {
    open(plain('alice', 'secret'))
    const frame = transport.last.frames.at(-1)!
    const { apiVersion, bodyOffset } = decodeRequestHeader(frame)
    assert.equal(apiVersion, 1)
    assert.equal(decodeRequestBody(saslHandshake, apiVersion, frame, bodyOffset).mechanism, 'PLAIN')
    handshaken()
    assert.equal(said(), '\0alice\0secret')
    assert.equal(ready.length, 0)
    authenticated()
    assert.equal(ready.length, 1)
    assert.equal(ready[0]?.writable, true)
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36], 'a session without end is not renewed, and leaves no timer')
    assert.equal(failure, undefined)
  })

  for (const [what, throttleTimeMs] of [
    ['a short pause', 300],
    ['a pause that is longer than the time to connect', 5_000],
  ] as const) {
    test(`has so much more time to connect when the broker asks for ${what} (KIP-219)`, () => {
      open({ name: 'OAUTHBEARER', begin: () => new Promise(() => undefined) }, 0.5, throttleTimeMs)
      scheduler.maxFrames = 1_000 + throttleTimeMs - 1
      scheduler.flush()
      assert.equal(failure?.message, undefined)
      scheduler.maxFrames++
      scheduler.flush()
      assert.match(failure?.message ?? '', /the handshake was not done within 1000 ms/)
    })
  }

  test('is part of the time to connect', () => {
    open({ name: 'OAUTHBEARER', begin: () => new Promise(() => undefined) })
    scheduler.flush()
    assert.match(failure?.message ?? '', /the handshake was not done within 1000 ms/)
  })

  test('whose time is over aborts the signal of a mechanism of the user', async () => {
    let signal: AbortSignal | undefined
    open(
      custom('OWN', async session => {
        signal = session.signal
        await new Promise(() => undefined)
      }),
    )
    assert.equal(signal?.aborted, false)
    scheduler.flush()
    assert.equal(signal?.aborted, true)
    assert.match(failure?.message ?? '', /the handshake was not done within 1000 ms/)
  })

  for (const sessionLifetimeMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5']) {
    test(`a mechanism of the user with a session of ${sessionLifetimeMs} ms: final`, async () => {
      const authenticate = async (session: SaslSession) => {
        await session.send(Buffer.from('token'))
        return { sessionLifetimeMs: sessionLifetimeMs as number }
      }
      open(custom('OWN', authenticate))
      await new Promise(setImmediate)
      handshaken()
      assert.equal(said(), 'token')
      authenticated()
      await new Promise(setImmediate)
      assert.ok(failure instanceof AuthenticationError, String(failure))
      assert.match(failure.message, /has a `sessionLifetimeMs` that is no number of ms from 0$/)
    })
  }

  test('refused credentials are final, and told in the words of the broker', () => {
    open(plain('alice', 'secret'))
    handshaken()
    authenticated({ errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage: 'Invalid username or password' })
    assert.ok(failure instanceof AuthenticationError, String(failure))
    assert.match(failure.message, /broker:9092 refused the PLAIN credentials.*Invalid username or password/)
    assert.ok(transport.last.destroyed)
  })

  test('a mechanism that is not offered: the error names those that are', () => {
    open(plain('alice', 'secret'))
    handshaken(ErrorCode.UNSUPPORTED_SASL_MECHANISM, ['SCRAM-SHA-256', 'SCRAM-SHA-512'])
    assert.ok(failure instanceof AuthenticationError, String(failure))
    assert.match(failure.message, /does not offer PLAIN.*it offers SCRAM-SHA-256, SCRAM-SHA-512/)
  })

  test('what a broker offers is made visible, and cut', () => {
    open(plain('alice', 'secret'))
    handshaken(ErrorCode.UNSUPPORTED_SASL_MECHANISM, ['A\x1b[2J', 'X'.repeat(3_000)])
    assert.match(failure?.message ?? '', /it offers A\\u001b\[2J, X+… \(3017 letters in all\)$/)
  })

  test('a listener without SASL', () => {
    open(plain('alice', 'secret'))
    handshaken(ErrorCode.ILLEGAL_SASL_STATE, [])
    assert.ok(failure instanceof AuthenticationError, String(failure))
    assert.match(failure.message, /the listener at broker:9092 does not authenticate by SASL \(option `sasl`\)/)
  })

  test('an error that may pass is none of identity', () => {
    open(plain('alice', 'secret'))
    handshaken()
    authenticated({ errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
    assert.ok(failure instanceof ConnectionError, String(failure))
    assert.match(failure.message, /UNKNOWN_SERVER_ERROR/)
  })
})

describe('SCRAM', () => {
  const vectors: readonly [string, ScramHash, string, string, string, string][] = [
    // RFC 7677, section 3
    [
      'SCRAM-SHA-256',
      'sha256',
      'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
      'W22ZaJ0SNY7soEsUEjb6gQ==',
      'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ],
    // What Kafka's ScramFormatter (kafka-clients 4.1.2) makes of the same name and password
    [
      'SCRAM-SHA-512',
      'sha512',
      'rOprNGfwEbeRWgbNEkqO02431b08-2f0c-4bad-a4e6-80c0564ec865',
      'Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=',
      '/rEe0l0f8TFUZ602ZhrlhFQjPTPwhuBN2OtmtUkVwke0+1HXwg97t9EAECkJuwsneJbK96u3OkWQ9AnQTfQOkQ==',
      '+G6+ISRLYUHLGlkL5p/wF8dGGJb1DNQ+pAw35WkWjFeKS8/Ms75mKGsQVxiMR5dTV864MOPCzaB6hba2VXMbfA==',
    ],
  ]
  const nonce = 'rOprNGfwEbeRWgbNEkqO'
  for (const [name, hash, both, salt, proof, signature] of vectors) {
    test(`${name} as others compute it`, async () => {
      open(scram(name, hash, 'user', 'pencil', () => nonce))
      handshaken()
      assert.equal(said(), `n,,n=user,r=${nonce}`)
      authenticated({ token: `r=${both},s=${salt},i=4096` })
      await derived()
      assert.equal(said(), `c=biws,r=${both},p=${proof}`)
      authenticated({ token: `v=${signature}` })
      await derived()
      assert.equal(ready.length, 1)
    })
  }

  test('derives its key while the event loop goes on', async () => {
    const [[name, hash, both, salt]] = vectors as [(typeof vectors)[0]]
    open(scram(name, hash, 'user', 'pencil', () => nonce))
    handshaken()
    authenticated({ token: `r=${both},s=${salt},i=100000` })
    let turns = 0
    for (; sent().length === 3; turns++) await new Promise(setImmediate)
    assert.ok(turns > 1, `${turns} turns`)
    assert.match(said(), /^c=biws,/)
  })

  test('a name with a comma and an equals sign is escaped', () => {
    open(scram('SCRAM-SHA-256', 'sha256', 'a=b,c=', 'p', () => nonce))
    handshaken()
    assert.equal(said(), `n,,n=a=3Db=2Cc=3D,r=${nonce}`)
  })

  const [[name, hash, both, salt, , signature]] = vectors as [(typeof vectors)[0]]
  for (const [what, challenge, message] of [
    ['another nonce', `r=x${both},s=${salt},i=4096`, /not an answer to this client/],
    ['no nonce of its own', `r=${nonce},s=${salt},i=4096`, /not an answer to this client/],
    ['no salt', `r=${both},s=,i=4096`, /not an answer to this client/],
    ['too few iterations', `r=${both},s=${salt},i=4095`, /asks for 4095 SCRAM iterations, but 4096 to 1000000/],
    ['iterations without end', `r=${both},s=${salt},i=2000000000`, /asks for 2000000000 SCRAM iterations/],
    ['nonsense', 'hello', /not an answer to this client/],
    ['iterations in the form of a float', `r=${both},s=${salt},i=1e4`, /not an answer to this client/],
    ['iterations in hexadecimal digits', `r=${both},s=${salt},i=0x2000`, /not an answer to this client/],
    ['iterations with a leading zero', `r=${both},s=${salt},i=04096`, /not an answer to this client/],
    ['a field twice', `r=${both},s=${salt},s=${salt},i=4096`, /not an answer to this client/],
    ['a mandatory extension', `m=x,r=${both},s=${salt},i=4096`, /wants an extension \(m=\)/],
    ['a mandatory extension behind the others', `r=${both},s=${salt},i=4096,m=x`, /wants an extension \(m=\)/],
  ] as const) {
    test(`a broker's challenge with ${what} is not answered`, async () => {
      open(scram(name, hash, 'user', 'pencil', () => nonce))
      handshaken()
      authenticated({ token: challenge })
      await derived()
      assert.ok(failure instanceof AuthenticationError, String(failure))
      assert.match(failure.message, message)
      assert.match(failure.message, /^the SCRAM-SHA-256 authentication at broker:9092 failed: /)
      assert.deepEqual(sent(), [18, 17, 36])
    })
  }

  test('an extension that is not mandatory is ignored', async () => {
    open(scram(name, hash, 'user', 'pencil', () => nonce))
    handshaken()
    authenticated({ token: `r=${both},s=${salt},i=4096,x=y` })
    await derived()
    assert.match(said(), /^c=biws,/)
  })

  for (const [what, final, message] of [
    ['a wrong signature', `v=${signature.replace('6', '7')}`, /what answers does not know the password/],
    ['no signature', '', /what answers does not know the password/],
    ['a short signature', 'v=AAAA', /what answers does not know the password/],
    ['an error', 'e=other-error', /answered SCRAM with the error 'other-error'/],
    ['an error to deceive terminals', 'e=\x1b[2J', /with the error '\\u001b\[2J'/],
  ] as const) {
    test(`a broker with ${what} is not believed`, async () => {
      open(scram(name, hash, 'user', 'pencil', () => nonce))
      handshaken()
      authenticated({ token: `r=${both},s=${salt},i=4096` })
      await derived()
      authenticated({ token: final })
      await derived()
      assert.ok(failure instanceof AuthenticationError, String(failure))
      assert.match(failure.message, message)
      assert.match(failure.message, /^the SCRAM-SHA-256 authentication at broker:9092 failed: /)
      assert.equal(ready.length, 0)
    })
  }
})

describe('OAUTHBEARER', () => {
  test('the token may be there at once or later, and is asked for each time', async () => {
    let asked = 0
    const mechanism = oauthbearer(() => (++asked === 1 ? 'a.b.c' : Promise.resolve('d.e.f')))
    for (const token of ['a.b.c', 'd.e.f']) {
      open(mechanism)
      await new Promise(setImmediate)
      handshaken()
      assert.equal(said(), `n,,\x01auth=Bearer ${token}\x01\x01`)
      authenticated()
    }
    assert.equal(ready.length, 2)
  })

  test('why a token is refused is confirmed, and the refusal follows', async () => {
    open(oauthbearer(() => 'old'))
    await new Promise(setImmediate)
    handshaken()
    authenticated({ token: '{"status":"invalid_token"}' })
    assert.equal(said(), '\x01')
    authenticated({ errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage: '{"status":"invalid_token"}' })
    assert.ok(failure instanceof AuthenticationError, String(failure))
    assert.match(failure.message, /invalid_token/)
  })

  test('a broker that goes on asking is left', async () => {
    open(oauthbearer(() => 'old'))
    await new Promise(setImmediate)
    handshaken()
    authenticated({ token: '{}' })
    authenticated({ token: '{}' })
    assert.ok(failure instanceof AuthenticationError, String(failure))
  })

  for (const [what, token] of [
    ['fails', () => Promise.reject(new Error('the token server is down'))],
    [
      'throws',
      () => {
        throw new Error('the token server is down')
      },
    ],
  ] as const) {
    test(`a callback that ${what} may do better next time`, async () => {
      open(oauthbearer(token))
      await new Promise(setImmediate)
      assert.ok(failure instanceof ConnectionError, String(failure))
      assert.match(failure.message, /no OAUTHBEARER token: the token server is down/)
      assert.deepEqual(sent(), [18])
    })
  }

  for (const [what, token, message] of [
    ['undefined', undefined, /gave no token, but a value of type undefined$/],
    ['null', null, /gave no token, but null$/],
    ['an empty string', '', /gave no token, but an empty string$/],
    ['a token with a line break, as read from a file', 'abc\n', /a string with a line break at its end: trim\(\)/],
    ['control characters', 'a\x01b', /a string with characters that no token has$/],
  ] as const) {
    test(`a callback that gives ${what} will do so again: that is final`, async () => {
      open(oauthbearer(() => token as string))
      await new Promise(setImmediate)
      assert.equal(failure?.name, 'AuthenticationError')
      assert.match(failure?.message ?? '', message)
      assert.deepEqual(sent(), [18])
    })
  }
})

describe('a session that ends is renewed before', () => {
  /** A connection whose session lasts for 10 s. */
  function openSession(random = 0.5): Connection {
    open(plain('alice', 'secret'), random)
    handshaken()
    authenticated({ lifetime: 10_000n })
    return ready[0]!
  }

  for (const [random, at] of [
    [0, 8_500],
    [0.5, 9_000],
    [1, 9_500],
  ] as const) {
    test(`after ${at} of 10,000 ms`, () => {
      openSession(random)
      scheduler.maxFrames = at - 1
      scheduler.flush()
      assert.equal(sent().length, 3)
      scheduler.maxFrames = at
      scheduler.flush()
      assert.deepEqual(sent().slice(3), [17])
    })
  }

  test('with requests in flight: those are answered first, none is sent in between, then it goes on', () => {
    const connection = openSession()
    const ids: bigint[] = []
    const ask = (): void => {
      connection.request(initProducerId, INIT).subscribe(({ producerId }) => ids.push(producerId))
    }
    scheduler.schedule(() => {
      for (let i = 0; i < 4; i++) ask()
    }, 8_999)
    scheduler.maxFrames = 9_000
    scheduler.flush()
    assert.deepEqual(sent().slice(3), [22, 22, 22, 22, 17])
    assert.equal(connection.writable, false)
    for (let i = 0; i < 4; i++) {
      const { apiVersion, correlationId } = decodeRequestHeader(transport.last.frames[3 + i]!)
      const response = { throttleTimeMs: 0, errorCode: 0, producerId: BigInt(i), producerEpoch: 0 }
      transport.last.listener.received(
        Buffer.concat(encodeResponseFrame(initProducerId, apiVersion, correlationId, response)),
      )
    }
    assert.deepEqual(ids, [0n, 1n, 2n, 3n])
    handshaken()
    assert.equal(connection.writable, false)
    assert.equal(ready.length, 1)
    authenticated({ lifetime: 10_000n })
    assert.equal(connection.writable, true)
    assert.deepEqual(ready, [connection, connection])
  })

  test('counted from when the last token was sent, however late its answer is', () => {
    open(plain('alice', 'secret'))
    handshaken()
    scheduler.schedule(() => authenticated({ lifetime: 10_000n }), 400)
    scheduler.maxFrames = 8_999
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36])
    scheduler.maxFrames = 9_000
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36, 17])
  })

  test('again and again, until the broker grants one without end', () => {
    openSession()
    for (const lifetime of [10_000n, 10_000n, 0n]) {
      scheduler.maxFrames = scheduler.now() + 9_000
      scheduler.flush()
      handshaken()
      authenticated({ lifetime })
    }
    scheduler.maxFrames = Number.POSITIVE_INFINITY
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36, 17, 36, 17, 36, 17, 36])
    assert.equal(ready.length, 4)
    assert.equal(failure, undefined)
  })

  test('a lifetime that no timer can run for does not make it renew at once', () => {
    open(plain('alice', 'secret'))
    handshaken()
    authenticated({ lifetime: 2n ** 62n })
    scheduler.maxFrames = 2 ** 31 - 2
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36])
    scheduler.maxFrames = 2 ** 31 - 1
    scheduler.flush()
    assert.deepEqual(sent(), [18, 17, 36, 17])
  })

  test('refused then, it is only this connection that ends: the next will show whether that is final', () => {
    openSession()
    scheduler.maxFrames = 9_000
    scheduler.flush()
    handshaken()
    authenticated({ errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage: 'Cannot change principals' })
    assert.ok(failure instanceof ConnectionError, String(failure))
    assert.match(failure.message, /the session at broker:9092 could not be renewed: .*Cannot change principals/)
    assert.ok(failure.cause instanceof AuthenticationError)
  })

  test('while the token is fetched, requests go on', async () => {
    let give: (token: string) => void = () => undefined
    let asked = 0
    open(oauthbearer(() => (asked++ === 0 ? 'first' : new Promise(resolve => (give = resolve)))))
    await new Promise(setImmediate)
    handshaken()
    authenticated({ lifetime: 10_000n })
    scheduler.maxFrames = 9_000
    scheduler.flush()
    assert.equal(asked, 2)
    assert.equal(ready[0]?.writable, true)
    assert.deepEqual(sent(), [18, 17, 36])
    give('second')
    await new Promise(setImmediate)
    assert.equal(ready[0]?.writable, false)
    assert.deepEqual(sent(), [18, 17, 36, 17])
  })

  test('a token server that is down for a while is asked again for as long as the session stands', async () => {
    let asked = 0
    open(oauthbearer(() => (++asked === 1 || asked > 3 ? 'token' : Promise.reject(new Error('down')))))
    await new Promise(setImmediate)
    handshaken()
    authenticated({ lifetime: 20_000n })
    for (let at = 18_000; at < 18_600; at += 100) {
      scheduler.maxFrames = at
      scheduler.flush()
      await new Promise(setImmediate)
      assert.equal(ready[0]?.writable, true, 'requests go on')
    }
    assert.equal(asked, 3, 'after 18,000 and 18,500 ms')
    scheduler.maxFrames = 19_000
    scheduler.flush()
    await new Promise(setImmediate)
    assert.equal(failure, undefined)
    assert.deepEqual(sent(), [18, 17, 36, 17])
  })

  test('a token server that stays down: the connection ends shortly before its session does, and says why', async () => {
    const at: number[] = []
    open(
      oauthbearer(() => {
        at.push(scheduler.now())
        return at.length === 1 ? 'token' : Promise.reject(new Error('the token server is down'))
      }),
    )
    await new Promise(setImmediate)
    handshaken()
    authenticated({ lifetime: 100_000n })
    for (scheduler.maxFrames = 80_000; scheduler.maxFrames < 100_000; scheduler.maxFrames += 100) {
      scheduler.flush()
      await new Promise(setImmediate)
    }
    assert.match(failure?.message ?? '', /broker:9092 could not be renewed: no OAUTHBEARER token: .* is down/)
    assert.equal(at.at(-1)! > 99_000, true)
    assert.equal(at.length < 40, true, `${at.length} tries`)
  })

  for (const lifetime of [1n, 500n, 1_000n]) {
    test(`a session of ${lifetime} ms is not renewed before a second has passed: brokers refuse that`, () => {
      open(plain('alice', 'secret'))
      handshaken()
      authenticated({ lifetime })
      for (let renewed = 1; renewed <= 3; renewed++) {
        scheduler.maxFrames = renewed * 1_000 - 1
        scheduler.flush()
        assert.equal(sent().length, 1 + 2 * renewed)
        scheduler.maxFrames = renewed * 1_000
        scheduler.flush()
        assert.equal(sent().length, 2 + 2 * renewed)
        handshaken()
        authenticated({ lifetime })
      }
    })
  }

  test('a connection that has ended is not renewed', () => {
    openSession()
    transport.last.listener.closed(new Error('read ECONNRESET'))
    scheduler.flush()
    assert.equal(scheduler.now(), 0, 'no timer is left')
    assert.deepEqual(sent(), [18, 17, 36])
  })
})
