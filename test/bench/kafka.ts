/**
 * `npm run bench:kafka`: rx-kafka beside Java's producer and franz-go, end to end into Apache Kafka on the same machine: one broker, and
 * three with every record on each. Same linger, same size of batches, in turns. Needs Java 17, Maven and Go. Prints the figures
 * and writes them to `test/bench/results`. Exits with 1 when a run failed.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MATRIX } from '../kafka/jars.js'
import { startKafka } from './bench-kafka.js'
import { KafkaTarget } from './peers/kafka-target.js'
import { Bench } from './peers/measure.js'
import { kafkaToMarkdown, makeReport } from './peers/report.js'
import type { ScenarioResult } from './peers/results.js'
import { KAFKA_SCENARIOS } from './peers/scenarios.js'
import { setUp } from './peers/setup.js'
import { kafkaLines } from './peers/targets.js'
import { hasFailed, takeTurns } from './peers/turns.js'
import { requireProc } from './proc.js'

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string', default: MATRIX.at(-1)! },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1.5' },
    /** Ids of scenarios, such as 1-100B: these figures are not kept. */
    scenario: { type: 'string' },
  },
})
requireProc()
const tools = setUp()
const rounds = Number(options.rounds)
const only = options.scenario?.split(',')
let running: Bench | undefined
process.on('exit', () => running?.stop())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const measured: ScenarioResult[] = []
for (const nodes of [1, 3] as const) {
  const scenarios = KAFKA_SCENARIOS[nodes].filter(({ id }) => only?.includes(id) ?? true)
  if (scenarios.length === 0) continue
  await using kafka = await startKafka(options.kafka, nodes)
  await using target = await KafkaTarget.connect(kafka)
  running = new Bench(target, tools)
  // The first one would pay for the broker's own warm-up.
  await takeTurns(running, { ...scenarios[0]!, title: `${nodes} broker(s): warm-up` }, tools, 1, 2)
  for (const scenario of scenarios)
    measured.push(await takeTurns(running, scenario, tools, rounds, Number(options.seconds)))
  running = undefined
}

const report = makeReport(measured, kafkaLines(measured), rounds, Number(options.seconds))
const markdown = kafkaToMarkdown(options.kafka, report)
console.log(`\n${markdown}`)
const results = fileURLToPath(new URL(only === undefined ? './results/' : './.cache/results/', import.meta.url))
mkdirSync(results, { recursive: true })
writeFileSync(join(results, 'kafka.json'), `${JSON.stringify(report, null, 2)}\n`)
writeFileSync(join(results, 'kafka.md'), `${markdown}\n`)
console.log(`written to ${relative(process.cwd(), results)}`)
process.exitCode = measured.some(hasFailed) ? 1 : 0
