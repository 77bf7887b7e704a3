import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { type ClientCredentialsOptions, clientCredentials } from '../../src/index.js'

const SECRET = 'the secret+nobody:may/see'

/** A token endpoint, and the origin at which it answers. */
async function endpoint(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer(async (request, response) => answer(request, response, await text(request)))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const json = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const hook = (origin: string, more: Partial<ClientCredentialsOptions> = {}) =>
  clientCredentials({ tokenUrl: `${origin}/token`, clientId: 'app 1', clientSecret: SECRET, ...more })

test('a form with Basic authentication, both parts form-encoded (RFC 6749, section 2.3.1)', async t => {
  let seen: Partial<IncomingMessage> & { body?: string } = {}
  const origin = await endpoint(t, (request, response, body) => {
    seen = { method: request.method!, url: request.url!, headers: request.headers, body }
    json(response, 200, { access_token: 'abc', token_type: 'Bearer', expires_in: 3600 })
  })
  const before = Date.now()
  const token = await hook(origin, {
    scope: 'kafka write',
    extensions: { logicalCluster: 'lkc-1' },
    headers: { 'x-tenant': '7' },
  })()
  assert.deepEqual([seen.method, seen.url], ['POST', '/token'])
  assert.equal(seen.body, 'grant_type=client_credentials&scope=kafka+write')
  assert.equal(seen.headers?.['content-type'], 'application/x-www-form-urlencoded')
  assert.equal(seen.headers?.['x-tenant'], '7')
  const [kind, encoded = ''] = (seen.headers?.authorization ?? '').split(' ')
  assert.equal(kind, 'Basic')
  assert.equal(Buffer.from(encoded, 'base64').toString(), 'app+1:the+secret%2Bnobody%3Amay%2Fsee')
  assert.deepEqual([token.value, token.extensions], ['abc', { logicalCluster: 'lkc-1' }])
  assert.ok(token.expiresAt! >= before + 3_600_000 && token.expiresAt! <= Date.now() + 3_600_000)
})

describe('an endpoint that gives no token', () => {
  for (const [what, status, body, name, message] of [
    [
      'refuses the client',
      401,
      { error: 'invalid_client', error_description: 'unknown client' },
      'AuthenticationError',
      /refused a token: HTTP status 401, invalid_client: unknown client \(check `clientId`/,
    ],
    ['is unavailable', 503, 'down', 'ConnectionError', /refused a token: HTTP status 503$/],
    ['has a fault of its own', 500, { error: 'server_error' }, 'ConnectionError', /HTTP status 500, server_error$/],
    ['is busy', 429, { error: 'slow_down' }, 'ConnectionError', /HTTP status 429, slow_down$/],
    ['answers without a token', 200, { token: 'x' }, 'ConnectionError', /no JSON object with an `access_token`/],
    ['answers null', 200, null, 'ConnectionError', /no JSON object with an `access_token`/],
    ['repeats the secret', 400, { error: 'odd', error_description: `no ${SECRET}` }, 'ConnectionError', /odd: no …$/],
  ] as const) {
    test(`because it ${what}`, async t => {
      const origin = await endpoint(t, (_, response) => json(response, status, body))
      await assert.rejects(hook(origin)(), (error: Error) => {
        assert.equal(error.name, name)
        assert.match(error.message, message)
        assert.ok(error.message.includes(origin), error.message)
        assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(SECRET))
        return true
      })
    })
  }

  test('because its answer is no JSON: it is not quoted, for it may hold a token', async t => {
    const origin = await endpoint(t, (_, response) => void response.end('access_token=abc'))
    await assert.rejects(hook(origin)(), (error: Error) => !inspect(error, { showHidden: true }).includes('abc'))
  })

  test('because it redirects: the secret does not follow', async t => {
    let asked = 0
    const origin = await endpoint(t, (_, response) => {
      asked++
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    await assert.rejects(hook(origin)(), { name: 'ConnectionError' })
    assert.equal(asked, 1)
  })

  test('because it does not answer', async t => {
    const origin = await endpoint(t, () => undefined)
    await assert.rejects(hook(origin, { timeoutMs: 20 })(), {
      name: 'ConnectionError',
      message: `no token from ${origin}: it did not answer within 20 ms (\`timeoutMs\`)`,
    })
  })

  test('because nobody listens there', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    await assert.rejects(hook(`http://127.0.0.1:${port}`)(), { name: 'ConnectionError', message: /ECONNREFUSED/ })
  })
})

for (const [option, value, message] of [
  ['tokenUrl', 'http://login.example.com/token', /`tokenUrl` must be an https URL, or one of http on the loopback/],
  ['tokenUrl', 'http://localhost.example.com/', /`tokenUrl` must be an https URL/],
  ['tokenUrl', 'login', /`tokenUrl` must be a URL/],
  ['tokenUrl', `https://app:${encodeURIComponent(SECRET)}@host/`, /`tokenUrl` must be without user and password/],
  ['clientId', '', /`clientId` must be a non-empty string/],
  ['clientSecret', undefined, /`clientSecret` must be a non-empty string/],
  ['scope', 5, /`scope` must be a non-empty string/],
  ['timeoutMs', 0, /`timeoutMs` must be an integer of ms from 1/],
  ['headers', { 'x-key': `${SECRET}\n\0` }, /`headers` must be an object of valid names and values/],
  ['extensions', { key: `${SECRET}\x01` }, /`extensions` must be an object of names in letters/],
  ['extensions', { auth: SECRET }, /`extensions` must be an object of names in letters/],
  ['secret', SECRET, /there is no option `secret`/],
] as const) {
  test(`${option}: ${inspect(value).slice(0, 30)} is refused at the call, and not quoted`, () => {
    assert.throws(
      () => hook('https://host', { [option]: value } as Partial<ClientCredentialsOptions>),
      (error: Error) => {
        assert.equal(error.name, 'InvalidArgumentError')
        assert.match(error.message, message)
        assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(SECRET))
        return true
      },
    )
  })
}
