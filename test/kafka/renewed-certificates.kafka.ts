import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type PeerCertificate } from 'node:tls'
import { AuthenticationError, type ProducerOptions } from '../../src/index.js'
import { cert, key, renewed } from '../support/certificate.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { Relay } from './relay.js'
import { firstFailure, sendFor } from './secure-clients.js'

const RUN_MS = 12_000
/** Kafka's default, per listener. */
const NETWORK_THREADS = 3
const OLD = { key, cert }
const OLD_NAME = 'rx-kafka test broker'
const NEW_NAME = 'rx-kafka renewed test broker'

const onOneLine = (pem: string) => pem.trim().replaceAll('\n', '\\n')

/** The certificate that a broker shows, and the one that its clients must show. */
const identity = (own: typeof OLD, clients: string) => ({
  'listener.name.ssl.ssl.keystore.key': onOneLine(own.key),
  'listener.name.ssl.ssl.keystore.certificate.chain': onOneLine(own.cert),
  'listener.name.ssl.ssl.truststore.certificates': onOneLine(clients),
})

/** The subject of the certificate that a broker shows. */
async function shownBy(port: number): Promise<string> {
  const socket = connect({ ...renewed, host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { subject } = socket.getPeerCertificate()
  // The broker may refuse this client's certificate.
  socket.on('error', () => undefined).destroy()
  return String(subject.CN)
}

for (const version of VERSIONS) {
  describe(`Apache Kafka ${version}: certificates of both sides are renewed, and nothing is restarted`, () => {
    let kafka: KafkaCluster
    let relay: Relay

    before(async () => {
      kafka = await KafkaCluster.start({
        version,
        listeners: ['SSL'],
        properties: {
          'listener.name.ssl.ssl.client.auth': 'required',
          'num.network.threads': NETWORK_THREADS,
          'ssl.keystore.type': 'PEM',
          'ssl.truststore.type': 'PEM',
          // The certificates of these tests have other subjects (KIP-978).
          'ssl.allow.dn.changes': 'true',
          ...identity(OLD, cert),
        },
      })
      relay = await Relay.start(Number(kafka.brokersAt('SSL')[0]!.split(':')[1]))
    })
    after(async () => {
      await relay?.[Symbol.asyncDispose]()
      await kafka?.stop()
    })

    /** The broker gets a new certificate, and trusts no clients but those with the new one. */
    async function renewBroker(): Promise<void> {
      const file = join(tmpdir(), `rx-kafka-renewed-${process.pid}.properties`)
      const lines = Object.entries(identity(renewed, renewed.cert)).map(([name, value]) => `${name}=${value}\n`)
      writeFileSync(file, lines.join(''))
      const what = ['--alter', '--entity-type', 'brokers', '--entity-name', '1', '--add-config-file', file]
      await kafka.java('kafka.admin.ConfigCommand', '--bootstrap-server', kafka.internal.join(), ...what)
      rmSync(file)
      // The tool does not wait for the broker, whose network threads take the new certificate one after the other, and
      // connections in turn.
      const port = Number(kafka.brokersAt('SSL')[0]!.split(':')[1])
      for (let renewedThreads = 0; renewedThreads < NETWORK_THREADS; ) {
        if ((await shownBy(port)) === NEW_NAME) renewedThreads++
        else {
          renewedThreads = 0
          await sleep(50)
        }
      }
    }

    test('new connections use the new certificates; records in flight are stored once', async t => {
      let current = { ...OLD, ca: cert }
      let calls = 0
      /** Whose certificate each connection saw. */
      const names: string[] = []
      const ssl = () => {
        calls++
        return {
          ...current,
          checkServerIdentity: (_host: string, { subject }: PeerCertificate): undefined => {
            names.push(String(subject.CN))
          },
        }
      }
      const to = { host: '127.0.0.1', port: relay.port }
      const options: Partial<ProducerOptions> = { brokers: [`${to.host}:${to.port}`], mapAddress: () => to, ssl }
      const renew = async (): Promise<void> => {
        await sleep(RUN_MS / 6)
        await renewBroker()
        const before = names.length
        assert.ok(before > 0 && !names.includes(NEW_NAME), 'connections stay')
        // A client that trusts the renewed broker, and is not renewed itself, would be refused from here on.
        current = { ...renewed, ca: renewed.cert }
        relay.cut()
        await sleep(RUN_MS / 6)
        relay.cut()
        t.diagnostic(`${before} connections before, ${names.length - before} since the first cut`)
      }
      const run = { topic: 'renewed', partitions: 1, listener: 'SSL', ms: RUN_MS } as const
      const [events] = await Promise.all([sendFor(kafka, run, options), renew()])
      const first = names.indexOf(NEW_NAME)
      assert.ok(first > 0)
      assert.deepEqual([...new Set(names.slice(0, first))], [OLD_NAME])
      assert.deepEqual([...new Set(names.slice(first))], [NEW_NAME])
      assert.ok(calls >= names.length)
      const kinds = events.map(({ kind }) => kind)
      assert.ok(kinds.includes('disconnected'))
      assert.ok(!kinds.includes('fatal') && !kinds.includes('epochBumped'), kinds.join())
    })

    for (const [what, ssl, message] of [
      ['client certificate', { ...OLD, ca: renewed.cert }, /does not accept this client's certificate/],
      ['authority of brokers', { ...renewed, ca: cert }, /the certificate of 127\.0\.0\.1:\d+ is not trusted/],
    ] as const) {
      test(`the old ${what} is of no use any more, and the error says why`, async () => {
        const { error, fatal } = await firstFailure(kafka.brokersAt('SSL'), { ssl })
        assert.match(error.message, message)
        assert.ok(error instanceof AuthenticationError)
        assert.ok(fatal)
      })
    }
  })
}
