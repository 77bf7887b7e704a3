import { generate } from './generate.js'
import type { History } from './history.js'
import { judge } from './judge.js'
import { shrink } from './shrink.js'
import type { Failure } from './worker.js'

/** How many findings are shown: one cause often leads to thousands. */
const MOST_SHOWN = 10

/** The seed, and what is wrong. */
export function describe({ seed, found }: Failure): string {
  return [`seed ${seed}:`, ...shown(found)].join('\n')
}

/** The findings, one a line. */
export function shown(found: readonly string[]): string[] {
  const lines = found.slice(0, MOST_SHOWN).map(one => `  ${one}`)
  return found.length > MOST_SHOWN ? [...lines, `  … and ${found.length - MOST_SHOWN} more`] : lines
}

/** What happened, in order: at the brokers, and what became of each record. Times are virtual. */
export function timeline({ trace, settled }: History): string[] {
  const entries = [
    ...trace.map(entry => ({ who: 'broker', ...entry })),
    ...settled.map(ack => ({ who: 'ack', ...ack })),
  ]
  const inOrder = entries.toSorted((a, b) => a.at - b.at)
  return inOrder.map(({ at, who, ...rest }) => `${at} ms  ${who.padEnd(6)}  ${JSON.stringify(rest, plain)}`)
}

/** JSON has no bigint. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}

/** What a person needs who wants to see it fail: what {@link describe} says, and a small script that shows it too. */
export async function explain(failure: Failure): Promise<string> {
  const { seed, found } = failure
  // The same kind of finding: a schedule that fails in another way is another bug.
  const kind = kindOf(found[0]!)
  const small = await shrink(generate(seed), async candidate =>
    (await judge(candidate)).found.some(one => kindOf(one) === kind),
  )
  const { found: left } = await judge(small)
  return [
    describe(failure),
    'the smallest schedule found that fails alike; `npm run test:soak -- --replay FILE` runs it:',
    JSON.stringify(small),
    ...shown(left),
  ].join('\n')
}

function kindOf(finding: string): string {
  return finding.replaceAll(/\d+/g, 'N').slice(0, 30)
}
