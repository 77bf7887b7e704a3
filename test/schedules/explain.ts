import { shrink } from './shrink.js'
import type { Suite } from './suite.js'
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

/** What a person needs who wants to see it fail: what {@link describe} says, and a small script that shows it too. */
export async function explain(failure: Failure, { name, generate, candidates, judge }: Suite): Promise<string> {
  const { seed, found } = failure
  // The same kind of finding: a schedule that fails in another way is another bug.
  const kind = kindOf(found[0]!)
  const small = await shrink(generate(seed), candidates, async candidate =>
    (await judge(candidate)).found.some(one => kindOf(one) === kind),
  )
  const { found: left } = await judge(small)
  return [
    describe(failure),
    `the smallest schedule found that fails alike; \`npm run test:soak -- --suite ${name} --replay FILE\` runs it:`,
    JSON.stringify(small),
    ...shown(left),
  ].join('\n')
}

function kindOf(finding: string): string {
  return finding.replaceAll(/\d+/g, 'N').slice(0, 30)
}
