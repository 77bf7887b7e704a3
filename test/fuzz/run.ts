import { parseArgs } from 'node:util'
import { Random } from '../support/random.js'
import { baseReplies } from './bases.js'
import { fuzzConnections } from './connections.js'
import { fuzzDecoders } from './decoders.js'
import { liveAmongLiars } from './life.js'
import { fuzzProducers } from './producers.js'
import type { Tally } from './tally.js'
import { fuzzValues } from './values.js'
import { Watchdog } from './watchdog.js'

/**
 * `npm run test:fuzz -- [--frames N] [--answers N] [--seed S]`: replies whose bytes were changed, and answers whose values were.
 * `npm run test:fuzz -- --life S`: one producer's life among brokers whose answers lie, and what they said.
 */

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    answers: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    life: { type: 'string' },
  },
})

function integer(name: 'frames' | 'answers' | 'seed' | 'life', min: number): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= min) return value
  throw new Error(`--${name} is ${values[name]}, but it must be an integer from ${min}`)
}

/** What is told at the end. */
const figures: string[] = []

function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`
}

async function fuzzBytes(frames: number, seed: number): Promise<void> {
  const bases = await baseReplies()
  const [start, rss] = [performance.now(), process.memoryUsage.rss()]
  let replies = 0
  const report = async (what: string, run: () => Tally | Promise<Tally>): Promise<void> => {
    const began = performance.now()
    const tally = await run()
    replies += tally.total
    console.log(`\n${what}: ${tally.total} replies tampered with in ${secondsSince(began)}\n${tally}`)
  }
  console.log(`\nbytes: ${bases.length} replies to begin with`)
  await report('decoders', () => fuzzDecoders(bases, new Random(seed), frames))
  await report('connections', () => fuzzConnections(bases, new Random(seed), frames))
  await report('producers', () => fuzzProducers(bases, new Random(seed), Math.ceil(frames / 500)))
  const megabytes = (process.memoryUsage.rss() - rss) / 2 ** 20
  figures.push(`bytes: ${replies} replies, ${secondsSince(start)}, ${megabytes.toFixed(0)} MB more than before`)
}

async function fuzzLies(answers: number, seed: number): Promise<void> {
  const watchdog = new Watchdog('a life that hangs (npm run test:fuzz -- --life SEED), SEED ')
  const start = performance.now()
  const { records, lives, megabytes, tally } = await fuzzValues(seed, answers, life => watchdog.begin(life))
  watchdog.end()
  console.log(`\nvalues: ${lives} producers\n${tally}`)
  figures.push(
    `values: ${tally.total} answers, ${records} records, ${secondsSince(start)}, at most ${megabytes.toFixed(0)} MB more than before`,
  )
}

async function replay(seed: number): Promise<void> {
  const { findings, lies } = await liveAmongLiars(seed)
  for (const { text } of lies) console.log(text)
  console.log(findings.length === 0 ? 'nothing wrong' : findings.join('\n'))
  process.exitCode = findings.length === 0 ? 0 : 1
}

if (values.life === undefined) {
  const seed = integer('seed', 0)
  const [frames, answers] = [integer('frames', 0), integer('answers', 0)]
  console.log(`seed ${seed}`)
  // First, for what it says of memory: the others leave the process larger.
  if (answers > 0) await fuzzLies(answers, seed)
  if (frames > 0) await fuzzBytes(frames, seed)
  console.log(`\n${figures.join('\n')}`)
} else {
  await replay(integer('life', 0))
}
