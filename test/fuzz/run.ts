import { parseArgs } from 'node:util'
import { Random } from '../support/random.js'
import { baseReplies } from './bases.js'
import { fuzzConnections } from './connections.js'
import { fuzzDecoders } from './decoders.js'
import { fuzzProducers } from './producers.js'
import type { Tally } from './tally.js'

// npm run test:fuzz -- --frames 1000000 --seed 1

const { values } = parseArgs({ options: { frames: { type: 'string' }, seed: { type: 'string' } } })
const frames = Number(values.frames ?? 1_000_000)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
if (!Number.isInteger(frames) || frames < 1)
  throw new Error(`--frames is ${values.frames}, but it must be an integer from 1`)
if (!Number.isInteger(seed)) throw new Error(`--seed is ${values.seed}, but it must be an integer`)
const bases = await baseReplies()
console.log(`seed ${seed}, ${bases.length} replies to begin with`)

async function report(what: string, run: () => Tally | Promise<Tally>): Promise<void> {
  const start = performance.now()
  const tally = await run()
  const seconds = (performance.now() - start) / 1000
  console.log(
    `\n${what}: ${tally.total} frames in ${seconds.toFixed(1)} s, ${Math.round(tally.total / seconds)} a second\n${tally}`,
  )
}

await report('decoders', () => fuzzDecoders(bases, new Random(seed), frames))
await report('connections', () => fuzzConnections(bases, new Random(seed), frames))
await report('producers', () => fuzzProducers(bases, new Random(seed), Math.ceil(frames / 500)))
