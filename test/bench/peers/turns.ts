/** Producers in one scenario, run by run, in turns: what disturbs the machine disturbs all of them. */
import type { Peer } from './catalog.js'
import type { Bench, Run } from './measure.js'
import { type PeerResult, rate, type ScenarioResult } from './results.js'
import { batchBytesOf, type Scenario } from './scenarios.js'
import type { Tools } from './setup.js'

const FAILED = 'FAILED: '

/** One producer in one scenario. */
class Entry {
  readonly peer: Peer
  readonly runs: Run[] = []
  notRun: string | undefined
  rate = 0

  constructor(peer: Peer, tools: Tools) {
    this.peer = peer
    for (const need of peer.needs) {
      const tool = tools[need]
      if ('missing' in tool) this.notRun ??= `not run: ${tool.missing}`
    }
  }

  /** Its part of a round. Who failed once has no figures: a producer that is wrong is not fast. */
  async attempt(part: () => Promise<void>): Promise<void> {
    if (this.notRun !== undefined) return
    try {
      await part()
    } catch (error) {
      this.notRun = `${FAILED}${(error as Error).message.replaceAll(/\s+/g, ' ')}`
      this.runs.length = 0
      console.error(`\n${this.peer.name}: ${this.notRun}`)
    }
  }

  get result(): PeerResult {
    const { id, name, kind } = this.peer
    const configuration = this.runs[0]?.configuration ?? 'not run'
    const { notRun } = this
    return { id, name, kind, configuration, runs: this.runs, ...(notRun === undefined ? {} : { notRun }) }
  }
}

export function hasFailed({ peers }: ScenarioResult): boolean {
  return peers.some(({ notRun }) => notRun?.startsWith(FAILED))
}

/** Measures each of a scenario's producers once a round. */
export async function takeTurns(
  bench: Bench,
  scenario: Scenario,
  tools: Tools,
  rounds: number,
  seconds: number,
): Promise<ScenarioResult> {
  const loadOf = (peer: Peer) => ({ ...scenario, batchBytes: batchBytesOf(peer, scenario) })
  const entries = scenario.peers.map(peer => new Entry(peer, tools))
  console.log(`\n${scenario.title}`)
  for (const entry of entries) {
    await entry.attempt(async () => {
      entry.rate = await bench.calibrate(entry.peer, loadOf(entry.peer))
    })
  }
  for (let round = 1; round <= rounds; round++) {
    process.stdout.write(`  round ${round}:`)
    for (const entry of entries) {
      await entry.attempt(async () => {
        const run = await bench.run(entry.peer, loadOf(entry.peer), entry.rate, seconds)
        entry.runs.push(run)
        process.stdout.write(` ${entry.peer.id} ${Math.round(rate(run) / 1000)}k`)
      })
    }
    console.log()
  }
  const { peers: _, ...rest } = scenario
  return { scenario: rest, peers: entries.map(({ result }) => result) }
}
