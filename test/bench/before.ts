/**
 * `npm run bench:before -- COMMIT`: rx-kafka as it is beside rx-kafka as it was, in turns, with records of 100 B and of 1 KB. Builds the
 * commit in a work tree of its own, which stays for the next time. Has a change cost something?
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from './broker.js'
import { beforeAndNow } from './peers/catalog.js'
import { Bench, PARTITIONS } from './peers/measure.js'
import { makeReport, toMarkdown } from './peers/report.js'
import { SCENARIOS } from './peers/scenarios.js'
import { setUp } from './peers/setup.js'
import { beforeLines } from './peers/targets.js'
import { hasFailed, takeTurns } from './peers/turns.js'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '1.5' } },
})
const [commit] = positionals
if (commit === undefined) throw new Error('npm run bench:before -- COMMIT: which commit is to be compared?')
const root = fileURLToPath(new URL('../../', import.meta.url))
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
const tree = join(root, 'test/bench/.cache', git('rev-parse', '--short', commit))
const tools = setUp()
if (!existsSync(join(tree, 'dist'))) {
  if (!existsSync(tree)) git('worktree', 'add', '--detach', tree, commit)
  // The packages of today do for that commit, too.
  if (!existsSync(join(tree, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  execFileSync('npm', ['run', 'build'], { cwd: tree, stdio: 'inherit' })
}

const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const peers = beforeAndNow(join(tree, 'dist'))
const broker = await startBroker({ partitions: PARTITIONS })
const bench = new Bench({ ...broker, begin: broker.reset }, tools)
process.on('exit', () => bench.stop())
const measured = []
for (const scenario of SCENARIOS.filter(({ id }) => id === '100B' || id === '1KB'))
  measured.push(await takeTurns(bench, { ...scenario, peers }, tools, rounds, seconds))
await broker.stop()

const lines = beforeLines(measured)
const report = makeReport(measured, lines, rounds, seconds)
console.log(`\n${toMarkdown(report)}`)
const results = join(root, 'test/bench/results')
mkdirSync(results, { recursive: true })
writeFileSync(
  join(results, 'before.json'),
  `${JSON.stringify({ commit: git('log', '-1', '--format=%h %s', commit), targets: lines }, null, 2)}\n`,
)
process.exitCode = measured.some(hasFailed) ? 1 : 0
