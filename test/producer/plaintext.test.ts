import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProducer, type ProducerEvent, type ProducerOptions, type SaslOptions } from '../../src/index.js'
import { resolveOptions } from '../../src/producer/options/options.js'
import { reportPlaintext } from '../../src/producer/options/plaintext.js'
import { MemoryNetwork, VirtualTime } from '../../src/testing/index.js'

/** For documentation (RFC 5737): nobody is there. */
const ELSEWHERE = '192.0.2.1:9092'
const plain: SaslOptions = { mechanism: 'plain', username: 'alice', password: 'secret' }
const oauthbearer: SaslOptions = { mechanism: 'oauthbearer', token: () => 'secret' }
const scram: SaslOptions = { mechanism: 'scram-sha-256', username: 'alice', password: 'secret' }

/** What a producer that begins to connect tells of that, as warnings and events. */
async function told(options: ProducerOptions): Promise<{ warnings: string[]; events: ProducerEvent[] }> {
  const warnings: string[] = []
  const listen = (warning: Error & { code?: string }): void => {
    if (warning.code === 'RX_KAFKA_PLAINTEXT') warnings.push(warning.message)
  }
  process.on('warning', listen)
  const producer = createProducer({ retryBackoffMs: 1, ...options })
  const events: ProducerEvent[] = []
  producer.events$.subscribe(event => {
    if (event.kind === 'plaintext') events.push(event)
  })
  const connected = producer.connect().catch(() => {})
  // Warnings come in a tick of their own.
  await new Promise(setImmediate)
  await producer.close({ timeoutMs: 1 }).catch(() => {})
  await connected
  process.off('warning', listen)
  return { warnings, events }
}

for (const [sasl, mechanism, what] of [
  [plain, 'PLAIN', 'the password'],
  [oauthbearer, 'OAUTHBEARER', 'tokens'],
] as const) {
  test(`${mechanism} without \`ssl\` to another machine: told once, as a warning and an event`, async () => {
    const { warnings, events } = await told({ brokers: [ELSEWHERE, '192.0.2.2:9092'], sasl, random: () => 0.99 })
    assert.deepEqual(events, [{ kind: 'plaintext', address: ELSEWHERE, mechanism }])
    assert.deepEqual(warnings, [`rx-kafka: ${mechanism} sends ${what} to ${ELSEWHERE} unencrypted: set option \`ssl\``])
  })
}

test('nothing is told of SCRAM, of TLS, of the loopback, or of a transport of the user’s own', async () => {
  const time = new VirtualTime()
  for (const options of [
    { brokers: [ELSEWHERE], sasl: scram },
    { brokers: [ELSEWHERE], sasl: plain, ssl: true },
    { brokers: [ELSEWHERE] },
    { brokers: [ELSEWHERE], sasl: plain, transport: new MemoryNetwork({ scheduler: time }) },
    { brokers: ['localhost:1', '127.8.9.10:1', '[::1]:1', '[::ffff:127.0.0.1]:1'], sasl: plain },
  ]) {
    assert.deepEqual(await told(options), { warnings: [], events: [] })
  }
})

test('of credentials that a function returns, it is told once they are there', async t => {
  t.mock.method(process, 'emitWarning', () => undefined)
  const events: ProducerEvent[] = []
  const options = resolveOptions({ brokers: [ELSEWHERE], sasl: async () => plain })
  const { sasl } = reportPlaintext(options, event => events.push(event))
  assert.ok(typeof sasl === 'function')
  const { signal } = new AbortController()
  await sasl({ host: '127.0.0.1', port: 9092, signal })
  assert.deepEqual(events, [])
  await sasl({ host: '192.0.2.1', port: 9092, signal })
  await sasl({ host: '192.0.2.2', port: 9092, signal })
  assert.deepEqual(events, [{ kind: 'plaintext', address: ELSEWHERE, mechanism: 'PLAIN' }])
})
