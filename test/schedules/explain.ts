import { generate } from './generate.js'
import { judge } from './judge.js'
import { shrink } from './shrink.js'
import type { Failure } from './worker.js'

/** The seed, and what is wrong. */
export function describe({ seed, found }: Failure): string {
  return [`seed ${seed}:`, ...found.map(one => `  ${one}`)].join('\n')
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
    ...left.map(one => `  ${one}`),
  ].join('\n')
}

function kindOf(finding: string): string {
  return finding.replaceAll(/\d+/g, 'N').slice(0, 30)
}
