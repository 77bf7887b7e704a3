/**
 * `npm run bench:peers`: rx-kafka and other producers against a counting broker in another process, in turns. Gets and builds
 * what it needs, prints the figures and writes them to `test/bench/results`. Exits with 1 when a run failed.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from './broker.js'
import { PEERS } from './peers/catalog.js'
import { Bench, PARTITIONS } from './peers/measure.js'
import { codecsToMarkdown, makeReport, toMarkdown } from './peers/report.js'
import type { ScenarioResult } from './peers/results.js'
import { CODEC_SCENARIOS, SCENARIOS, type Scenario } from './peers/scenarios.js'
import { setUp, toolPath } from './peers/setup.js'
import { codecLines, targetLines } from './peers/targets.js'
import { hasFailed, takeTurns } from './peers/turns.js'
import { requireProc } from './proc.js'

const HELP = `npm run bench:peers -- [options]
  --quick           two short rounds, to see that everything runs
  --runs N          rounds (default 5)
  --seconds S       measured time of a run (default 1.5, which makes 20 minutes for all)
  --only a,b        of the producers ${PEERS.map(({ id }) => id).join(', ')}
  --scenario a,b    of the scenarios ${SCENARIOS.map(({ id }) => id).join(', ')}
  --codecs          instead of those: compressed JSON, as much as goes and 100 MB a second (${CODEC_SCENARIOS.map(({ id }) => id).join(', ')})
A scenario of your own, in place of those:
  --size BYTES      of a record's value (100)
  --delay MS        until the broker answers (0)
  --batch BYTES     of the largest batch, for all the same (1048576)
  --linger MS       (5)`

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
    scenario: { type: 'string' },
    codecs: { type: 'boolean', default: false },
    size: { type: 'string' },
    delay: { type: 'string' },
    batch: { type: 'string' },
    linger: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(HELP)
  process.exit()
}
requireProc()

/** Figures of a part are no results to keep. */
const { quick, only, scenario, size, delay, batch, linger } = options
const whole = !quick && [only, scenario, size, delay, batch, linger].every(option => option === undefined)
const rounds = Number(options.runs ?? (quick ? 2 : 5))
const seconds = Number(options.seconds ?? (quick ? 0.5 : 1.5))
const results = fileURLToPath(new URL(whole ? './results/' : './.cache/results/', import.meta.url))

/** The producer that runs now ends with this process, and so does the broker, which loses its parent. */
let running: Bench | undefined
process.on('exit', () => running?.stop())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

function chosenScenarios(): Scenario[] {
  const peers = only?.split(',')
  const scenarios = scenario?.split(',')
  const own: Scenario = {
    ...{ id: 'own', title: `${size ?? 100} B records, answers after ${delay ?? 0} ms`, size: Number(size ?? 100) },
    ...{ delayMs: Number(delay ?? 0), lingerMs: Number(linger ?? 5), batchBytes: Number(batch ?? 1 << 20) },
    ...{ equalBatches: batch !== undefined, peers: PEERS },
  }
  const isOwn = [size, delay, batch, linger].some(option => option !== undefined)
  return (
    isOwn ? [own] : (options.codecs ? CODEC_SCENARIOS : SCENARIOS).filter(({ id }) => scenarios?.includes(id) ?? true)
  )
    .map(each => ({ ...each, peers: each.peers.filter(({ id }) => peers?.includes(id) ?? true) }))
    .filter(({ peers }) => peers.length > 0)
}

async function measure(scenario: Scenario): Promise<ScenarioResult> {
  const broker = await startBroker({
    partitions: PARTITIONS,
    replyDelayMs: scenario.delayMs,
    tls: scenario.ca !== undefined,
  })
  running = new Bench({ ...broker, begin: broker.reset }, tools)
  const result = await takeTurns(running, scenario, tools, rounds, seconds)
  await broker.stop()
  running = undefined
  return result
}

const tools = setUp()
const measured: ScenarioResult[] = []
for (const scenario of chosenScenarios()) measured.push(await measure(scenario))

const report = makeReport(measured, (options.codecs ? codecLines : targetLines)(measured), rounds, seconds)
const markdown = (options.codecs ? codecsToMarkdown : toMarkdown)(report)
console.log(`\n${markdown}`)
mkdirSync(results, { recursive: true })
const name = options.codecs ? 'codecs' : 'peers'
const json = join(results, `${name}.json`)
writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
writeFileSync(join(results, `${name}.md`), `${markdown}\n`)
const chart = fileURLToPath(new URL('./peers/chart.mjs', import.meta.url))
if (options.codecs) console.log('no chart')
else if ('missing' in tools.node24) console.log(`the chart was not drawn: ${tools.node24.missing}`)
else spawnSync(toolPath(tools, 'node24'), [chart, json, join(results, 'peers.svg')], { stdio: 'inherit' })
console.log(`written to ${relative(process.cwd(), results)}`)
process.exitCode = measured.some(hasFailed) ? 1 : 0
