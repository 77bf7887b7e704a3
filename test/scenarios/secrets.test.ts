import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { clientCredentials, createProducer, type ProducerOptions } from '../../src/index.js'
import { type ClusterSaslOptions, startCluster } from '../../src/testing/index.js'

const PASSWORD = 'marker:Pass+word?of=nobody'
const TOKEN = 'marker-header.marker/token+of=nobody.marker~signature'

/** A secret in all the forms in which it could be told. */
const forms = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').replace(/..(?!$)/g, '$& '),
    encodeURIComponent(secret),
    new URLSearchParams({ secret }).toString().slice('secret='.length),
    JSON.stringify(secret).slice(1, -1),
    [...bytes].join(','),
    [...bytes].join(', '),
  ]
}
const FORBIDDEN = [...forms(PASSWORD), ...forms(TOKEN), ...forms(`\0alice\0${PASSWORD}`), ...forms(`Bearer ${TOKEN}`)]

interface Told {
  readonly text: string
  /** How many errors were told: a log-in that tells nothing would show nothing. */
  readonly errors: number
}

/** What a producer tells in any way, until its log-in has failed. */
async function told(t: TestContext, sasl: ProducerOptions['sasl'], users: ClusterSaslOptions): Promise<Told> {
  const parts: unknown[] = []
  const warn = (warning: Error): void => void parts.push(warning)
  process.on('warning', warn)
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream)
    t.mock.method(stream, 'write', (...args: Parameters<typeof write>) => {
      parts.push(String(args[0]))
      return write(...args)
    })
  }
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, sasl: users })
  const timeouts = { requestTimeoutMs: 200, deliveryTimeoutMs: 300, retryBackoffMs: 10 }
  const log = (...line: unknown[]): void => void parts.push(line)
  const logger = { debug: log, info: log, warn: log, error: log }
  const producer = createProducer({ brokers: cluster.brokers, logger, ...timeouts, ...(sasl && { sasl }) })
  producer.events$.subscribe(event => parts.push(event))
  for (const act of [
    () => producer.connect(),
    () => producer.sendOne({ topic: 't', value: 'v' }),
    () => producer.close(),
  ]) {
    await act().then(
      result => parts.push(result),
      error => parts.push(error),
    )
  }
  // Warnings come in a tick of their own.
  await new Promise(setImmediate)
  process.off('warning', warn)
  t.mock.restoreAll()
  const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null, maxArrayLength: null }
  const written = (part: unknown): string =>
    JSON.stringify(part, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? ''
  const text = [...parts, producer].flatMap(part => [inspect(part, deep), inspect(part), String(part), written(part)])
  return { text: text.join('\n'), errors: parts.filter(part => inspect(part).includes('Error')).length }
}

const STRANGERS: ClusterSaslOptions = {
  users: { bob: 'another' },
  customMechanisms: { CUSTOM: () => () => ({ refusal: 'Access denied' }) },
}
const login = { username: 'alice', password: PASSWORD }

const CASES: Readonly<Record<string, ProducerOptions['sasl']>> = {
  'PLAIN that is refused': { mechanism: 'plain', ...login },
  'SCRAM-SHA-256 that is refused': { mechanism: 'scram-sha-256', ...login },
  'SCRAM-SHA-512 that is refused': { mechanism: 'scram-sha-512', ...login },
  'a token that is refused': { mechanism: 'oauthbearer', token: () => TOKEN },
  'a token with extensions that is refused': {
    mechanism: 'oauthbearer',
    token: () => ({ value: TOKEN, extensions: { key: PASSWORD }, expiresAt: Date.now() + 1e6 }),
  },
  'a token with a line break': { mechanism: 'oauthbearer', token: () => `${TOKEN}\n` },
  'a token in the wrong place': { mechanism: 'oauthbearer', token: () => ({ token: TOKEN }) as never },
  'an extension that is not valid': {
    mechanism: 'oauthbearer',
    token: () => ({ value: TOKEN, extensions: { key: `${PASSWORD}\x01` } }),
  },
  'a custom mechanism that is refused': {
    mechanism: 'CUSTOM',
    authenticate: async session => void (await session.send(Buffer.from(PASSWORD))),
  },
  'a custom mechanism that the brokers do not offer': {
    mechanism: 'OTHER',
    authenticate: async session => void (await session.send(Buffer.from(PASSWORD))),
  },
  'a custom mechanism that sends a string': {
    mechanism: 'CUSTOM',
    authenticate: async session => void (await session.send(PASSWORD as never)),
  },
  'a function that throws': () => Promise.reject(new Error('the vault is sealed')),
  'a function that returns refused credentials': () => ({ mechanism: 'plain', ...login }),
  'a function that returns the password alone': () => PASSWORD as never,
  'a function that returns no user': () => ({ mechanism: 'plain', username: '', password: PASSWORD }),
  'a function that returns an unknown option': () => ({ mechanism: 'plain', ...login, secret: PASSWORD }) as never,
  'a function that returns the password with NUL': () => ({
    mechanism: 'plain',
    username: 'a',
    password: `${PASSWORD}\0`,
  }),
}

function assertUntold({ text, errors }: Told): void {
  assert.ok(errors > 0, text)
  for (const form of FORBIDDEN) {
    const at = text.indexOf(form)
    assert.equal(at, -1, `told: ${text.slice(Math.max(0, at - 200), at + 200)}`)
  }
}

for (const [what, sasl] of Object.entries(CASES)) {
  test(`no secret is told of ${what}`, async t => {
    assertUntold(await told(t, sasl, STRANGERS))
  })
}

for (const [what, status, body] of [
  ['that are refused, by a provider that repeats them', 401, { error: 'invalid_client', error_description: PASSWORD }],
  ['whose provider fails, with the secret in its answer', 500, PASSWORD],
  ['whose provider gives a token that brokers refuse', 200, { access_token: TOKEN, expires_in: 60 }],
  ['whose provider gives the token in the wrong place', 200, { token: TOKEN }],
] as const) {
  test(`no secret is told of client credentials ${what}`, async t => {
    const server = createServer((_, response) => response.writeHead(status).end(JSON.stringify(body)))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
    const token = clientCredentials({ tokenUrl, clientId: 'alice', clientSecret: PASSWORD })
    assertUntold(await told(t, { mechanism: 'oauthbearer', token }, STRANGERS))
  })
}

test('a secret that were told would be found, in each of its forms', () => {
  for (const form of FORBIDDEN) {
    assert.throws(() => assertUntold({ text: inspect(new Error(`it is ${form}`)), errors: 1 }), {
      name: 'AssertionError',
    })
  }
})
