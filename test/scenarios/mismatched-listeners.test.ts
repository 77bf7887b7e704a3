/** TLS or SASL is expected and not spoken, or the other way round: whoever never looks at events learns of it, and at once. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { createProducer, type ProducerOptions } from '../../src/index.js'
import { type ClusterOptions, startCluster } from '../../src/testing/index.js'
import { cert, key } from '../support/certificate.js'

const users = { user: 'secret' }
const sasl = { mechanism: 'plain', username: 'user', password: 'secret' } as const
const TLS = /a TLS listener answers here|so does a listener that expects TLS \(option `ssl`\)/
const NO_TLS = /a listener that does not speak TLS/
const LIMIT = /max\.connections\.per\.ip/

/** A listener that ends every connection at once, as a broker does that has as many as it allows. */
async function full(t: TestContext): Promise<string> {
  const server = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const CASES: readonly [
  what: string,
  listener: Omit<ClusterOptions, 'topics'> | typeof full,
  client: Partial<ProducerOptions>,
  says: RegExp,
][] = [
  ['no TLS, to a TLS listener', { ssl: { key, cert } }, {}, TLS],
  ['SASL without TLS, to a listener that has both', { ssl: { key, cert }, sasl: { users } }, { sasl }, TLS],
  ['TLS, to a plain listener', {}, { ssl: true }, NO_TLS],
  ['TLS and SASL, to a listener that has only SASL', { sasl: { users } }, { ssl: true, sasl }, NO_TLS],
  ['no SASL, to a SASL listener', { sasl: { users } }, {}, /a listener that expects SASL \(option `sasl`\)/],
  ['SASL, to a listener without', {}, { sasl }, /does not authenticate by SASL \(option `sasl`\)/],
  ['plain, to a broker with too many connections', full, {}, LIMIT],
  ['SASL, to a broker with too many connections', full, { sasl }, LIMIT],
  ['TLS, to a broker with too many connections', full, { ssl: true }, LIMIT],
]

for (const [what, listener, client, says] of CASES) {
  describe(what, () => {
    async function brokers(t: TestContext): Promise<readonly string[]> {
      if (typeof listener === 'function') return [await listener(t)]
      const cluster = await startCluster(listener)
      t.after(() => cluster.stop())
      return cluster.brokers
    }

    test('connect() rejects with it', async t => {
      const producer = createProducer({ brokers: await brokers(t), ...client })
      await assert.rejects(producer.connect(), says)
      await producer.close()
    })

    test('without connect(), the process is warned, or the record fails, with it', async t => {
      const producer = createProducer({ brokers: await brokers(t), ...client })
      const warned = new Promise<unknown>(resolve => {
        process.once('warning', resolve)
        t.after(() => process.off('warning', resolve))
      })
      const failed = producer.sendOne({ topic: 't', value: 'v' }).catch((error: unknown) => error)
      assert.match(String(await Promise.race([warned, failed])), says)
      await producer.close({ timeoutMs: 0 }).catch(() => {})
    })
  })
}
