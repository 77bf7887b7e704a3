/** Writes the events that the main job sends: `npx tsx examples/make-sample.ts FILE [--count N] [--seed N]`. */
import { parseArgs } from 'node:util'
import { integer, orExit } from './support/args.js'
import { writeSample } from './support/sample.js'

const HELP = `npx tsx examples/make-sample.ts FILE [options]

Writes what happens in a web shop, one JSON event a line; the same file for the same count and seed.

  --count N    how many events (default 50000)
  --seed N     another number makes other events (default 1)
  --help
`

const { path, count, seed } = orExit(() => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '50000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    process.exit(0)
  }
  const [path] = positionals
  if (path === undefined || positionals.length > 1) throw new Error('one file is written: give its name')
  return { path, count: integer('--count', values.count, 1), seed: integer('--seed', values.seed, 0) }
}, HELP)

await writeSample(path, count, seed)
console.log(`${count} events in ${path}`)
