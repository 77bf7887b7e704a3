import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findings } from './interleavings/judge.js'
import { type Outcome, run } from './interleavings/run.js'
import { FORMS, generate, type Script } from './interleavings/script.js'

/** `SEED=833 SEEDS=1 node --import tsx --test test/streams/interleavings.test.ts` runs one again. */
const FIRST = Number(process.env.SEED ?? 0)
const COUNT = Number(process.env.SEEDS ?? 800)

/** What has to happen, and how often at least: a run in which it does not proves little. */
const EXPECTED: Readonly<Record<string, number>> = {
  ...Object.fromEntries(FORMS.flatMap(form => ['complete', 'error', 'left'].map(kind => [`${form}: ${kind}`, 5]))),
  acked: 10_000,
  'failed no': 3_000,
  'failed maybe': 100,
  SourceError: 40,
  AbortReason: 40,
  ProducerClosedError: 40,
  BufferFullError: 15,
  RecordFailedError: 10,
  'flush() done': 200,
  'flush() given up': 10,
  'close() done': 400,
}

test(`${COUNT} seeded interleavings of what happens to streams of every form: 17, 18, 23, and how they end`, async t => {
  const seen = new Map<string, number>()
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const script = generate(seed)
    const outcome = await run(script)
    const found = findings(outcome)
    if (found.length > 0) assert.fail(`seed ${seed}:\n${[...found, ...show(script)].join('\n')}`)
    for (const what of coverage(outcome)) seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  t.diagnostic([...seen].map(([what, times]) => `${what} ${times}`).join(', '))
  if (COUNT < 800) return
  for (const [what, least] of Object.entries(EXPECTED)) {
    assert.ok((seen.get(what) ?? 0) >= least, `${what}: ${seen.get(what) ?? 0} times, expected ${least} at least`)
  }
})

/** A line for each stream, and each step. */
function show({ cluster, producer, streams, steps }: Script): string[] {
  return [{ cluster }, { producer }, ...streams, ...steps].map(part => JSON.stringify(part))
}

function coverage({ streams, calls }: Outcome): string[] {
  return [
    ...streams.map(({ plan, ends }) => `${plan.form}: ${ends[0]!.kind}`),
    ...streams.flatMap(({ told }) => told.map(({ kind, persisted = '' }) => `${kind} ${persisted}`.trim())),
    ...streams.flatMap(({ ends }) => (ends[0]!.error instanceof Error ? [ends[0]!.error.name] : [])),
    ...calls.map(({ kind, outcome }) => `${kind}() ${outcome === 'done' ? 'done' : 'given up'}`),
  ]
}
