import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AuthenticationError, clientCredentials, type SaslOptions } from '../../src/index.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { firstFailure, sendFor } from './secure-clients.js'
import { newKey, TokenServer } from './token-server.js'

/** The longest session. A token lives a little longer, so it serves more than one session. */
const SESSION_MS = 4000
const TOKEN_SECONDS = 6

for (const version of VERSIONS) {
  describe(`Apache Kafka ${version} checks tokens by the keys of their provider (KIP-768)`, () => {
    let tokens: TokenServer
    let kafka: KafkaCluster

    before(async () => {
      tokens = await TokenServer.start(TOKEN_SECONDS)
      kafka = await KafkaCluster.start({
        version,
        nodes: 3,
        listeners: ['SASL_PLAINTEXT'],
        jvm: tokens.jvm,
        properties: { 'connections.max.reauth.ms': SESSION_MS, ...tokens.brokerProperties('sasl_plaintext') },
      })
    })
    after(async () => {
      await kafka?.stop()
      await tokens?.[Symbol.asyncDispose]()
    })

    const credentials = (clientSecret = tokens.clientSecret): SaslOptions => ({
      mechanism: 'oauthbearer',
      token: clientCredentials({ tokenUrl: tokens.tokenUrl, clientId: tokens.clientId, clientSecret }),
    })
    const failure = (sasl: SaslOptions) => firstFailure(kafka.brokersAt('SASL_PLAINTEXT'), { sasl })

    test('clientCredentials(): one token for all connections, renewed while records flow', async t => {
      const run = { topic: 'tokens', partitions: 6, listener: 'SASL_PLAINTEXT', ms: 4 * SESSION_MS } as const
      const events = await sendFor(kafka, run, { sasl: credentials() })
      const count = (...kinds: string[]) => events.filter(({ kind }) => kinds.includes(kind)).length
      const logins = count('connected', 'reauthenticated')
      t.diagnostic(`${tokens.given.length} tokens, ${logins} log-ins, ${count('disconnected')} connections lost`)
      assert.ok(tokens.given.length >= 2)
      for (const [i, at] of tokens.given.slice(1).entries()) {
        // A token serves 80 % of its life. A slow machine answers one request later than the next.
        assert.ok(at - tokens.given[i]! > TOKEN_SECONDS * 500, 'fetched while the last one served')
      }
      assert.ok(count('reauthenticated') > tokens.given.length, 'several sessions use a token')
      assert.ok(count('disconnected') < count('reauthenticated'))
      assert.equal(count('epochBumped', 'fatal'), 0)
    })

    test('a wrong client secret ends the producer at once, and says why', async () => {
      const { error, fatal } = await failure(credentials('another'))
      assert.match(
        error.message,
        /http:\/\/127\.0\.0\.1:\d+ refused a token: HTTP status 401, invalid_client: the secret is wrong \(check `clientId`, `clientSecret` and `scope`\)/,
      )
      assert.ok(error instanceof AuthenticationError)
      assert.ok(fatal)
    })

    for (const [what, token] of [
      ['signed with another key', () => tokens.token({}, newKey())],
      ['for another audience', () => tokens.token({ aud: 'another' })],
      ['that has expired', () => tokens.token({ iat: 1, exp: 2 })],
    ] as const) {
      test(`a token ${what} ends the producer at once, and says why`, async () => {
        const { error, fatal } = await failure({ mechanism: 'oauthbearer', token })
        assert.match(
          error.message,
          /the broker at 127\.0\.0\.1:\d+ refused the OAUTHBEARER credentials: .*invalid_token/,
        )
        assert.ok(error instanceof AuthenticationError)
        assert.ok(fatal)
      })
    }
  })
}
