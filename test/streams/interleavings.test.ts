import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findings } from './interleavings/judge.js'
import { type Outcome, run } from './interleavings/run.js'
import { generate, type Script } from './interleavings/script.js'

const SEEDS = Number(process.env.SEEDS ?? 300)
const FIRST = Number(process.env.FIRST ?? 0)

test(`${SEEDS} seeded interleavings of what happens to streams in every form`, async t => {
  const seen = new Map<string, number>()
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const script = generate(seed)
    const outcome = await run(script)
    const found = findings(outcome)
    if (found.length > 0) assert.fail(`seed ${seed}:\n${[...found, ...show(script)].join('\n')}`)
    for (const what of coverage(outcome)) seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  t.diagnostic(
    [...seen]
      .sort()
      .map(([what, times]) => `${what} ${times}`)
      .join(', '),
  )
})

function coverage({ streams, calls }: Outcome): string[] {
  return [
    ...streams.map(({ plan, ends }) => `${plan.form}: ${ends[0]!.kind}`),
    ...streams.flatMap(({ told }) => told.map(({ kind, persisted = '' }) => `${kind} ${persisted}`.trim())),
    ...streams.flatMap(({ ends }) => (ends[0]!.error instanceof Error ? [ends[0]!.error.name] : [])),
    ...calls.map(({ kind, outcome }) => `${kind}() ${outcome === 'done' ? 'done' : 'given up'}`),
  ]
}

/** A line for each stream, and each step. */
function show({ cluster, producer, streams, steps }: Script): string[] {
  return [{ cluster }, { producer }, ...streams, ...steps].map(part => JSON.stringify(part))
}
