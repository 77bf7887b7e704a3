import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lastValueFrom } from 'rxjs'
import { createProducer, type ProducerRecord } from '../../../src/index.js'
import { VERSIONS } from '../jars.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { readWithKcat } from '../readers.js'
import { FULL } from './load.js'

/* A topic is copied in transactions while the copier and brokers are killed: each record is there once, in order. */

const COUNT = FULL ? 100_000 : 3_000
const KILLS = FULL ? 20 : 3
const PARTITIONS = 3
const COPIER = fileURLToPath(new URL('./copier.ts', import.meta.url))
const LIMIT_MS = 1_800_000

for (const version of VERSIONS) {
  test(`Kafka ${version}: copied exactly once, the copier killed ${KILLS} times, and brokers with it`, async t => {
    await using kafka = await KafkaCluster.start({ version, nodes: 3 })
    await kafka.healthy()
    const source = 'copy-source'
    const target = 'copy-target'
    for (const topic of [source, target]) await kafka.createTopic(topic, PARTITIONS)
    await fill(kafka, source)
    const copied = { records: 0, transactions: 0 }
    let [kills, brokerKills, aborts] = [0, 0, 0]
    const limit = Date.now() + LIMIT_MS
    for (let whole = false; !whole; ) {
      assert.ok(Date.now() < limit, `${copied.records} of ${COUNT} records were copied in time`)
      // Every third copier sees a broker crash.
      const crashes = kills % 3 === 2
      const victim = kafka.nodeIds[kills % kafka.nodeIds.length]!
      const share = Math.ceil(COUNT / KILLS)
      const ended = await runCopier(kafka, [source, target], copied, async progress => {
        await progress(Math.ceil(Math.random() * share))
        if (!crashes) return
        await kafka.kill(victim, 'SIGKILL')
        brokerKills++
        await progress(Math.ceil(Math.random() * share))
      })
      if (crashes) await kafka.heal()
      if (ended === 'killed') kills++
      else aborts++
      whole = kills >= KILLS && (await read(kafka, target)).length >= COUNT
    }
    const records = await read(kafka, target)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const values = records.filter(record => record.partition === partition).map(({ value }) => Number(value))
      const expected = Array.from({ length: COUNT }, (_, i) => i).filter(i => i % PARTITIONS === partition)
      assert.deepEqual(values, expected)
    }
    t.diagnostic(
      `${COUNT} records once and in order; ${copied.transactions} transactions seen, copier killed ${kills} times, ended by aborts ${aborts}, brokers killed ${brokerKills}`,
    )
  })
}

async function fill(kafka: KafkaCluster, topic: string): Promise<void> {
  await using producer = createProducer({ brokers: kafka.brokers })
  const records = Array.from(
    { length: COUNT },
    (_, i): ProducerRecord => ({ topic, partition: i % PARTITIONS, value: `${i}` }),
  )
  await lastValueFrom(producer.publish(records))
}

/** Runs a copier until `faults` is over, or nothing is left to copy; then kills it. */
async function runCopier(
  kafka: KafkaCluster,
  topics: readonly string[],
  copied: { records: number; transactions: number },
  faults: (progress: (records: number) => Promise<void>) => Promise<void>,
): Promise<'killed' | 'aborted'> {
  const args = ['--import', 'tsx', COPIER, kafka.brokers.join(), ...topics]
  const copier = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = once(copier, 'exit')
  let said = ''
  copier.stderr.on('data', chunk => {
    said += String(chunk)
  })
  let wake: () => void = () => {}
  createInterface({ input: copier.stdout }).on('line', line => {
    copied.records += Number(line.slice('committed '.length))
    copied.transactions++
    wake()
  })
  /** Resolves after so many records more, or when nothing has been copied for a while. */
  const progress = async (records: number): Promise<void> => {
    const goal = copied.records + records
    for (let idle = 0; copied.records < goal && idle < 15_000; ) {
      const before = copied.records
      await Promise.race([new Promise<void>(resolve => (wake = resolve)), sleep(500)])
      idle = copied.records > before ? 0 : idle + 500
      if (copier.exitCode !== null || copied.records >= COUNT) return
    }
  }
  await Promise.race([faults(progress), exit])
  copier.kill('SIGKILL')
  await exit
  assert.ok(copier.exitCode === null || copier.exitCode === 3, said)
  return copier.exitCode === null ? 'killed' : 'aborted'
}

function read(kafka: KafkaCluster, topic: string): ReturnType<typeof readWithKcat> {
  return readWithKcat(kafka.internal, topic, '-X', 'isolation.level=read_committed')
}
