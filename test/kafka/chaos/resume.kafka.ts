import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Admin } from 'kafkajs'
import { VERSIONS } from '../jars.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { readWithKcat } from '../readers.js'
import { FULL } from './load.js'

/* Row 42: `rx-kafka produce --resume` is killed at any moment, again and again. */

const COUNT = FULL ? 200_000 : 40_000
const KILLS = FULL ? 20 : 3
const ID = 'import'
const COMMAND = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
/** Of a transaction: what the command reads at once. */
const BLOCK_BYTES = 262_144
const LINE_BYTES = FULL ? 1_000 : 500

for (const version of VERSIONS) {
  test(`row 42, Kafka ${version}: ${COUNT} lines, the import killed ${KILLS} times: every line once, in order`, async t => {
    await using kafka = await KafkaCluster.start({ version })
    await kafka.healthy()
    const topic = 'imported'
    await kafka.createTopic(topic, 1)
    const admin = kafka.kafkajs().admin()
    await admin.connect()
    const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-resume-'))
    try {
      const file = join(folder, 'lines.txt')
      let count = 0
      const grow = (): void => {
        const lines = Array.from({ length: COUNT }, (_, i) => `${`${count + i} `.padEnd(LINE_BYTES - 1, '.')}\n`)
        appendFileSync(file, lines.join(''))
        count += COUNT
      }
      grow()
      let kills = 0
      for (let done = false; !done; ) {
        const args = ['--import', 'tsx', COMMAND, 'produce', '-b', kafka.brokers.join(), '-t', topic, '-q']
        const child = spawn(process.execPath, [...args, '--resume', ID, file], { stdio: ['ignore', 'ignore', 'pipe'] })
        let said = ''
        child.stderr.on('data', chunk => {
          said += String(chunk)
        })
        const exit = once(child, 'exit')
        const begun = await stored(admin, topic)
        // Half of its share: more is committed while the kill is on its way.
        const blocks = Math.ceil((count * LINE_BYTES) / BLOCK_BYTES)
        const share = (blocks - begun) / (KILLS + 1 - kills) / 2
        const goal = begun + 1 + Math.floor(Math.random() * share)
        while (child.exitCode === null && (kills >= KILLS || (await stored(admin, topic)) < goal)) await sleep(2)
        if (child.exitCode === null) {
          child.kill('SIGKILL')
          kills++
        }
        await exit
        done = child.exitCode !== null
        if (done) assert.equal(child.exitCode, 0, said)
        // It was too fast to be killed as often as it should.
        if (done && kills < KILLS) {
          grow()
          done = false
        }
      }
      const read = await readWithKcat(kafka.internal, topic, '-X', 'isolation.level=read_committed')
      assert.deepEqual(
        read.map(({ value }) => Number(String(value).split(' ')[0])),
        Array.from({ length: count }, (_, i) => i),
      )
      t.diagnostic(`${read.length} lines once and in order, killed ${kills} times`)
    } finally {
      await admin.disconnect()
      rmSync(folder, { recursive: true })
    }
  })
}

/** How many positions are committed. */
async function stored(admin: Admin, topic: string): Promise<number> {
  const [found] = await admin.fetchOffsets({ groupId: ID, topics: [topic] }).catch(() => [])
  return Number(found?.partitions[0]?.offset ?? -1)
}
