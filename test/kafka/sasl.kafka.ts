import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { concat, NEVER, of } from 'rxjs'
import {
  type Ack,
  AuthenticationError,
  BrokerError,
  createProducer,
  type ProducerEvent,
  type ProducerOptions,
  type SaslOptions,
} from '../../src/index.js'
import { cert, key } from '../support/certificate.js'
import { customPlain, customScram } from './custom-mechanisms.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster, type SecureListener } from './kafka-cluster.js'
import { firstFailure, sendFor } from './secure-clients.js'

const SESSION_MS = 4000
const PASSWORD = 'secret for tests'

const jaas = (module: string, rest = '') => `org.apache.kafka.common.security.${module} required ${rest};`
const onOneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n')

/** By listener, what its mechanisms need. */
function login(listener: string): Record<string, string> {
  const prefix = `listener.name.${listener}`
  return {
    [`${prefix}.plain.sasl.jaas.config`]: jaas(
      'plain.PlainLoginModule',
      `user_alice="${PASSWORD}" user_bob="${PASSWORD}"`,
    ),
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: jaas('scram.ScramLoginModule'),
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: jaas('scram.ScramLoginModule'),
    // Without a validator of its own, Kafka takes tokens without signature: for tests only.
    [`${prefix}.oauthbearer.sasl.jaas.config`]: jaas(
      'oauthbearer.OAuthBearerLoginModule',
      'unsecuredLoginStringClaim_sub="broker"',
    ),
  }
}

const unsigned = (claims: object) =>
  `${[{ alg: 'none' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

const alice = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password = PASSWORD): SaslOptions => ({
  mechanism,
  username: 'alice',
  password,
})

const tokens: SaslOptions = {
  mechanism: 'oauthbearer',
  token: async () => {
    const now = Date.now() / 1000
    return unsigned({ sub: 'alice', iat: now - 1, exp: now + 3600 })
  },
}

for (const version of VERSIONS) {
  describe(`Apache Kafka ${version}`, () => {
    let kafka: KafkaCluster

    before(async () => {
      kafka = await KafkaCluster.start({
        version,
        listeners: ['SASL_PLAINTEXT', 'SSL', 'SASL_SSL'],
        scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(name =>
          ['alice', 'carol'].map(user => `${name}=[name=${user},password="${PASSWORD}"]`),
        ),
        properties: {
          'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
          'connections.max.reauth.ms': SESSION_MS,
          // Everybody may do everything, except for bob, who may do nothing.
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:ANONYMOUS;User:alice;User:carol',
          'ssl.keystore.type': 'PEM',
          'ssl.keystore.key': onOneLine(key),
          'ssl.keystore.certificate.chain': onOneLine(cert),
          ...login('sasl_plaintext'),
          ...login('sasl_ssl'),
        },
      })
    })
    after(() => kafka.stop())

    const runFor = (topic: string, listener: SecureListener, ms: number, options: Partial<ProducerOptions>) =>
      sendFor(kafka, { topic, partitions: 1, listener, ms }, options)
    const failure = (listener: SecureListener | undefined, options: Partial<ProducerOptions>) =>
      firstFailure(listener === undefined ? kafka.brokers : kafka.brokersAt(listener), options)

    for (const [what, listener, sasl] of [
      ['scram-sha-256', 'SASL_PLAINTEXT', alice('scram-sha-256')],
      ['plain', 'SASL_PLAINTEXT', alice('plain')],
      ['oauthbearer', 'SASL_PLAINTEXT', tokens],
      ['scram-sha-512', 'SASL_SSL', alice('scram-sha-512')],
      ['custom-plain', 'SASL_PLAINTEXT', customPlain('alice', PASSWORD)],
      ['custom-scram', 'SASL_SSL', customScram('alice', PASSWORD)],
    ] as const) {
      test(`row 22: ${what} on ${listener}, authenticated anew every ${SESSION_MS} ms under load: nothing is corrupted`, async t => {
        const topic = `${what}-${listener.toLowerCase()}`
        const ssl = listener === 'SASL_SSL' && { ssl: { ca: cert } }
        const events = await runFor(topic, listener, 3 * SESSION_MS, { sasl, ...ssl })
        const kinds = events.map(({ kind }) => kind)
        const count = (kind: ProducerEvent['kind']) => kinds.filter(one => one === kind).length
        // On a machine that is held up, a broker may find a session at its end before it reads the handshake.
        t.diagnostic(`${count('reauthenticated')} renewals, ${count('disconnected')} connections lost`)
        assert.ok(count('reauthenticated') >= 2, kinds.join())
        assert.ok(count('disconnected') < count('reauthenticated'), kinds.join())
        assert.equal(count('epochBumped') + count('fatal'), 0)
      })
    }

    test('TLS, certificates from a PEM keystore', async () => {
      const events = await runFor('ssl', 'SSL', 1000, { ssl: { ca: cert } })
      assert.ok(!events.some(({ kind }) => kind === 'disconnected'))
    })

    test('`ssl` as a function is called for each connection', async () => {
      let calls = 0
      const ssl = async () => {
        calls++
        return { ca: cert }
      }
      const events = await runFor('ssl-function', 'SSL', 1000, { ssl })
      assert.ok(!events.some(({ kind }) => kind === 'disconnected'))
      assert.ok(calls >= 2, `${calls} calls`)
    })

    test('a token with SASL extensions (KIP-342) and a known end serves all connections', async () => {
      let calls = 0
      const token = () => {
        calls++
        const now = Date.now() / 1000
        const extensions = { logicalCluster: 'lkc-1', identityPoolId: 'pool 1' }
        return { value: unsigned({ sub: 'alice', iat: now - 1, exp: now + 3600 }), extensions }
      }
      const sasl = { mechanism: 'oauthbearer', token } as const
      const events = await runFor('extensions', 'SASL_PLAINTEXT', 2 * SESSION_MS, { sasl })
      assert.ok(events.some(({ kind }) => kind === 'reauthenticated'))
      assert.equal(calls, 1)
    })

    test('`sasl` as a function: a SCRAM password that is rotated under load is used at the next renewal', async t => {
      let password = PASSWORD
      let calls = 0
      const sasl = async (): Promise<SaslOptions> => {
        calls++
        return { mechanism: 'scram-sha-512', username: 'carol', password }
      }
      const alter = async (): Promise<void> => {
        const what = ['--alter', '--entity-type', 'users', '--entity-name', 'carol']
        const config = ['--add-config', 'SCRAM-SHA-512=[password=rotated]']
        await kafka.java('kafka.admin.ConfigCommand', '--bootstrap-server', kafka.internal.join(), ...what, ...config)
        password = 'rotated'
      }
      const [events] = await Promise.all([
        runFor('rotated', 'SASL_PLAINTEXT', 4 * SESSION_MS, { sasl }),
        sleep(SESSION_MS / 10).then(alter),
      ])
      const renewals = events.filter(({ kind }) => kind === 'reauthenticated').length
      t.diagnostic(`${renewals} renewals, ${calls} calls`)
      assert.ok(renewals >= 2)
      assert.ok(!events.some(({ kind }) => kind === 'fatal'))
      const { fatal } = await failure('SASL_PLAINTEXT', {
        sasl: { mechanism: 'scram-sha-512', username: 'carol', password: PASSWORD },
      })
      assert.ok(fatal, 'the old password is of no use any more')
    })

    for (const [what, listener, options, message] of [
      [
        'a wrong password by PLAIN',
        'SASL_PLAINTEXT',
        { sasl: alice('plain', 'wrong') },
        /refused the PLAIN credentials: .*The broker says: Authentication failed/,
      ],
      [
        'a wrong password by SCRAM',
        'SASL_PLAINTEXT',
        { sasl: alice('scram-sha-256', 'wrong') },
        /refused the SCRAM-SHA-256 credentials: .*invalid credentials/,
      ],
      [
        'a wrong password by a custom PLAIN',
        'SASL_PLAINTEXT',
        { sasl: customPlain('alice', 'wrong') },
        /refused the PLAIN credentials: .*The broker says: Authentication failed/,
      ],
      [
        'a wrong password by a custom SCRAM',
        'SASL_PLAINTEXT',
        { sasl: customScram('alice', 'wrong') },
        /refused the SCRAM-SHA-512 credentials: .*invalid credentials/,
      ],
      [
        'an expired token',
        'SASL_PLAINTEXT',
        { sasl: { mechanism: 'oauthbearer', token: () => unsigned({ sub: 'alice', iat: 1, exp: 2 }) } },
        /refused the OAUTHBEARER credentials: .*invalid_token/,
      ],
      ['credentials for a listener without SASL', undefined, { sasl: alice('plain') }, /does not authenticate by SASL/],
      ['a certificate of nobody known', 'SSL', { ssl: true }, /the certificate of 127\.0\.0\.1:\d+ is not trusted/],
    ] as const) {
      test(`row 21: ${what} ends the producer at once, and says why`, async () => {
        const { error, fatal } = await failure(listener, options as Partial<ProducerOptions>)
        assert.match(error.message, message)
        assert.ok(error instanceof AuthenticationError)
        assert.ok(fatal)
      })
    }

    test('row 24: who may not be idempotent is told so, and the producer ends', async () => {
      await kafka.createTopic('bob', 1)
      const sasl = { mechanism: 'plain', username: 'bob', password: PASSWORD } as const
      await using producer = createProducer({ brokers: kafka.brokersAt('SASL_PLAINTEXT'), sasl })
      const acks: Ack[] = []
      const stream$ = concat(of({ topic: 'bob', value: 'v' }), NEVER).pipe(producer.send())
      const error = await new Promise(error => void stream$.subscribe({ next: ack => acks.push(ack), error }))
      assert.ok(error instanceof BrokerError)
      assert.equal(error.codeName, 'CLUSTER_AUTHORIZATION_FAILED')
      assert.deepEqual(
        acks.map(ack => ack.kind === 'failed' && ack.persisted),
        ['no'],
      )
    })

    for (const [what, listener, options, message] of [
      ['no credentials', 'SASL_PLAINTEXT', {}, /so does a listener that expects SASL \(option `sasl`\)/],
      [
        'TLS to a plain listener',
        undefined,
        { ssl: { ca: cert } },
        /as with a listener that does not speak TLS, or one that wants a client certificate \(option `ssl`\)/,
      ],
      ['no TLS to a TLS listener', 'SSL', {}, /a TLS listener answers here|so does a listener that expects TLS/],
    ] as const) {
      test(`row 21: ${what}: the events say what it looks like`, async () => {
        const { error, fatal } = await failure(listener, options)
        assert.match(error.message, message)
        assert.equal(fatal, false)
      })
    }
  })
}
