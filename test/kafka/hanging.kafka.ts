/**
 * A broker that hangs (SIGSTOP) and leads nothing keeps nobody from sending, beside Java's producer. How long each took is told;
 * what is asserted is that no request to it was waited for until it timed out.
 */
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { after, before, type TestContext, test } from 'node:test'
import { createProducer, type Producer } from '../../src/index.js'
import { JavaProducer } from './java-producer.js'
import { KafkaCluster } from './kafka-cluster.js'

/** What a request that is never answered costs who waits for it. */
const TIMEOUT_MS = 30_000

let kafka: KafkaCluster
let program: JavaProducer
/** The broker that is going to hang: it leads no topic, and not the controllers. */
let hung: number

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3 })
  program = new JavaProducer(kafka)
  const leads = ['--bootstrap-server', kafka.internal.join(), 'describe', '--status']
  const quorum = await kafka.java('org.apache.kafka.tools.MetadataQuorumCommand', ...leads)
  const controller = Number(/LeaderId:\s+(\d+)/.exec(quorum)![1])
  hung = kafka.nodeIds.find(id => id !== controller)!
})
after(async () => {
  await kafka.stop()
  program[Symbol.dispose]()
})

const others = (): number[] => kafka.nodeIds.filter(id => id !== hung)

/** Java's own producer, and how long it takes to have a record acked. */
class Java {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: Interface

  constructor(brokers: readonly string[], topic: string) {
    this.#process = spawn('java', program.arguments(brokers, topic, 'none'))
    this.#lines = createInterface(this.#process.stdout)
  }

  async send(): Promise<number> {
    const began = performance.now()
    this.#process.stdin.write('00\n')
    await once(this.#lines, 'line')
    return performance.now() - began
  }

  async end(): Promise<void> {
    this.#process.stdin.end()
    await once(this.#process, 'exit')
  }
}

async function send(producer: Producer, topic: string): Promise<number> {
  const began = performance.now()
  await producer.sendOne({ topic, key: '0', value: 'v' })
  return performance.now() - began
}

function tell(t: TestContext, what: string, rx: number, java?: number): void {
  const beside = java === undefined ? '' : `, Java's producer ${Math.round(java)} ms`
  t.diagnostic(`${what}: rx-kafka ${Math.round(rx)} ms${beside}`)
  assert.equal(rx < TIMEOUT_MS / 3, true, `${rx} ms`)
}

/** The broker hangs, and the cluster has noticed: replicas there are waited for no more. */
async function hang(): Promise<void> {
  await kafka.kill(hung, 'SIGSTOP')
  await kafka.alive(...others())
}

test('the leader moves, and the only broker that a producer has asked so far hangs', async t => {
  const [old, next] = others() as [number, number]
  await kafka.createTopic('moves', 1)
  await kafka.moveLeader('moves', 0, old)
  const asked = [`127.0.0.1:${kafka.portOf(hung)}`]
  const producer = createProducer({ brokers: asked })
  const java = new Java(asked, 'moves')
  await Promise.all([send(producer, 'moves'), java.send()])
  await hang()
  await kafka.moveLeader('moves', 0, next)
  tell(t, 'the next ack', ...(await Promise.all([send(producer, 'moves'), java.send()])))
  await kafka.createTopic('new', 1)
  tell(t, 'the first ack of a new topic', await send(producer, 'new'))
  await Promise.all([producer.close(), java.end()])
  await kafka.heal()
})

test('a producer starts while a broker of its list hangs', async t => {
  await kafka.createTopic('starts', 1)
  const [leader] = others() as [number]
  await kafka.moveLeader('starts', 0, leader)
  await hang()
  const brokers = kafka.nodeIds.map(id => `127.0.0.1:${kafka.portOf(id)}`)
  // Whichever is asked first.
  for (const share of [0, 0.4, 0.9]) {
    const producer = createProducer({ brokers, random: () => share })
    const connecting = performance.now()
    await producer.connect()
    const connected = performance.now() - connecting
    tell(t, `connect(), random() ${share}`, connected)
    tell(t, `the first ack, random() ${share}`, await send(producer, 'starts'))
    await producer.close()
  }
  const java = new Java(brokers, 'starts')
  t.diagnostic(`Java's first ack, its start included: ${Math.round(await java.send())} ms`)
  await java.end()
  await kafka.heal()
})
