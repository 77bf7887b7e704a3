import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createProducer, type Producer, type ProducerEvent, type ProducerOptions } from '../../src/index.js'
import { blockLoop } from '../support/block-loop.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** A broker in a process of its own, so that it answers while the event loop of this one is blocked. */
let broker: ChildProcess
let brokers: string[]

before(async () => {
  const args = ['--import', 'tsx', 'src/cli/main.ts', 'broker', '--port', '0', '--topic', 't:1']
  broker = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(broker.stdout!, 'data')
  brokers = [/listening at (\S+);/.exec(String(line))![1]!]
})
after(() => void broker.kill())

const TIMEOUT = 2_000
/** Longer than the timeout, and more than a broker on this machine takes to answer. */
const BLOCKED = 4_000

function start(t: TestContext, options: Partial<ProducerOptions>): { producer: Producer; troubles: ProducerEvent[] } {
  const producer = createProducer({ brokers, ...options })
  t.after(() => producer.close())
  const troubles: ProducerEvent[] = []
  producer.events$.subscribe(event => {
    if (event.kind === 'disconnected' || event.kind.endsWith('Failed')) troubles.push(event)
  })
  return { producer, troubles }
}

for (const [name, timeouts] of Object.entries({
  requestTimeoutMs: { requestTimeoutMs: TIMEOUT },
  deliveryTimeoutMs: { requestTimeoutMs: TIMEOUT, deliveryTimeoutMs: TIMEOUT },
})) {
  test(`an event loop that was blocked for longer than ${name}: answers that have come meanwhile count`, async t => {
    const { producer, troubles } = start(t, timeouts)
    await producer.sendOne({ topic: 't', value: 'first' })
    const sent = producer.sendOne({ topic: 't', value: 'v' })
    while (producer.inFlight.get(1) !== 1) await Promise.resolve()
    blockLoop(BLOCKED)
    assert.equal((await sent).kind, 'acked')
    assert.deepEqual(troubles, [])
  })
}

test('an event loop that was blocked for longer than connectTimeoutMs: a connection that stands meanwhile counts', async t => {
  const { producer, troubles } = start(t, { connectTimeoutMs: TIMEOUT })
  const connected = producer.connect()
  await setImmediate()
  blockLoop(BLOCKED)
  await connected
  assert.deepEqual(troubles, [])
})
