import assert from 'node:assert/strict'
import { type Life, liveAmongLiars } from './life.js'
import { Tally } from './tally.js'

export interface ValuesFuzzed {
  /** How many answers were changed, by API. */
  readonly tally: Tally
  readonly lives: number
  readonly records: number
  /** By how much the process was larger than at the start, at the most. */
  readonly megabytes: number
}

const MOST_MEGABYTES = 200

/**
 * One life after the other among brokers whose answers lie, each of another seed, from this one on, until so many answers were
 * changed.
 *
 * @param begins told of each seed before its life begins.
 * @throws an Error that says which seed it was, what is wrong, and which lies it takes.
 */
export async function fuzzValues(
  seed: number,
  answers: number,
  begins: (seed: number) => void = () => {},
): Promise<ValuesFuzzed> {
  const tally = new Tally()
  const start = process.memoryUsage.rss()
  let [lives, records, megabytes] = [0, 0, 0]
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  try {
    for (; tally.total < answers; lives++) {
      begins(seed + lives)
      const life = await liveAmongLiars(seed + lives)
      // RxJS throws what nobody handles in a timer.
      await new Promise(resolve => setTimeout(resolve))
      const found = [...life.findings, ...uncaught.map(error => `nobody caught: ${(error as Error)?.stack ?? error}`)]
      if (found.length > 0) throw new Error(await explain(seed + lives, found, life, begins))
      for (const { api } of life.lies) tally.add(api, 'changed')
      tally.most('requests and connections within a second', life.busiest)
      records += life.records
      megabytes = Math.max(megabytes, (process.memoryUsage.rss() - start) / 2 ** 20)
    }
  } finally {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
  }
  assert.ok(megabytes < MOST_MEGABYTES, `seed ${seed}, ${answers} answers: the process has grown by ${megabytes} MB`)
  return { tally, lives, records, megabytes }
}

/** Leaves out every lie without which the same is found. */
async function explain(
  seed: number,
  findings: readonly string[],
  { lies }: Life,
  begins: (seed: number) => void,
): Promise<string> {
  const muted = new Set<number>()
  let needed = lies
  const kinds = new Set(findings.map(kindOf))
  for (const { answer } of lies) {
    begins(seed)
    const fewer = await liveAmongLiars(seed, new Set([...muted, answer]))
    if (!fewer.findings.some(finding => kinds.has(kindOf(finding)))) continue
    muted.add(answer)
    needed = fewer.lies
  }
  return [
    `seed ${seed} (npm run test:fuzz -- --life ${seed}):`,
    ...findings.map(finding => `  ${finding}`),
    `${lies.length} lies were told; the same is found with these:`,
    ...needed.map(({ text }) => `  ${text}`),
  ].join('\n')
}

function kindOf(finding: string): string {
  return finding.replace(/\d+/g, '')
}
