import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createProducer, type ProducerEvent, type ProducerOptions } from '../../src/index.js'
import { type ClusterOptions, startCluster } from '../../src/testing/index.js'
import { cert, expired, key, renewed } from '../support/certificate.js'

/** What docs/tls.md says of a case: the exact text, and whether the producer ends. */
interface Row {
  readonly text: string
  readonly ends: boolean
}

const table = new Map<string, Row>(
  [
    ...readFileSync(new URL('../../docs/tls.md', import.meta.url), 'utf8').matchAll(
      /^\| ([^|]+) \| `` (.+) `` \| (yes|no) \|/gm,
    ),
  ].map(([, what, text, ends]) => [what!, { text: text!, ends: ends === 'yes' }]),
)

interface Case {
  readonly cluster: ClusterOptions
  readonly options: Partial<ProducerOptions>
  readonly host?: string
}

const SSL = { ssl: { key, cert } }

const CASES: Readonly<Record<string, Case>> = {
  'the certificate has expired': { cluster: { ssl: expired }, options: { ssl: { ca: expired.cert } } },
  'the certificate is for another host': { cluster: SSL, options: { ssl: { ca: cert } }, host: 'localhost' },
  'the authority is unknown': { cluster: SSL, options: { ssl: { ca: renewed.cert } } },
  'the broker wants a client certificate': {
    cluster: { ssl: { key, cert, ca: cert } },
    options: { ssl: { ca: cert } },
  },
  'TLS to a port that does not speak it': { cluster: {}, options: { ssl: { ca: cert } } },
  'no TLS to a port that expects it': { cluster: SSL, options: {} },
}

/** Returns the error of the first attempt, with `broker:9093` in place of the address. */
async function firstError(t: TestContext, { cluster, options, host = '127.0.0.1' }: Case): Promise<Row> {
  const started = await startCluster(cluster)
  t.after(() => started.stop())
  return firstErrorAt(started.brokers[0]!.replace('127.0.0.1', host), options)
}

async function firstErrorAt(address: string, options: Partial<ProducerOptions>): Promise<Row> {
  const producer = createProducer({ brokers: [address], ...options })
  const event = await new Promise<ProducerEvent & { error: Error }>(resolve => {
    producer.events$.subscribe(event => {
      if ('error' in event) resolve(event as ProducerEvent & { error: Error })
    })
    producer.connect().catch(() => undefined)
  })
  await producer.close().catch(() => undefined)
  const text = event.error.message.replaceAll(address, 'broker:9093').replace(NODE_24_HINT, '')
  return { text: text.split(/\n {2}broker:9093: /).at(-1)!, ends: event.kind === 'fatal' }
}

/** What Node adds from version 24 on, as the page says. */
const NODE_24_HINT = '; if the root CA is installed locally, try running Node.js with --use-system-ca'

for (const [what, one] of Object.entries(CASES)) {
  // Neither a back-off nor `connectTimeoutMs` may pass before it is told.
  test(`docs/tls.md has the exact text, told before any timeout, when ${what}`, { timeout: 9_000 }, async t => {
    assert.deepEqual(await firstError(t, one), table.get(what))
  })
}

const ALERTED = 'no TLS to a port that expects it and answers with an alert'

test(`docs/tls.md has the exact text for ${ALERTED}`, { timeout: 9_000 }, async t => {
  // A fatal alert: unexpected_message.
  const server = createServer(socket => socket.on('error', () => undefined).end(Buffer.from('1503030002020a', 'hex')))
  t.after(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  assert.deepEqual(await firstErrorAt(`127.0.0.1:${port}`, {}), table.get(ALERTED))
})

test('docs/tls.md has these cases and no others', () => {
  assert.deepEqual([...table.keys()], [...Object.keys(CASES), ALERTED])
})
