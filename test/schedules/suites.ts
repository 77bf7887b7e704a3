import { generate } from './generate.js'
import { judge } from './judge.js'
import { run } from './run.js'
import { candidates } from './shrink.js'
import type { Suite, SuiteName } from './suite.js'
import { timeline } from './timeline.js'
import { generate as generateTransactions } from './transactions/generate.js'
import { judge as judgeTransactions } from './transactions/judge.js'
import { run as runTransactions } from './transactions/run.js'
import { candidates as simplerTransactions } from './transactions/simpler.js'
import { timeline as timelineOfTransactions } from './transactions/timeline.js'

function suite<S>(one: Suite<S>): Suite {
  return one as Suite
}

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  producer: suite({
    name: 'producer',
    generate,
    judge,
    candidates,
    replay: async schedule => timeline(await run(schedule)),
  }),
  transactions: suite({
    name: 'transactions',
    generate: generateTransactions,
    judge: judgeTransactions,
    candidates: simplerTransactions,
    replay: async schedule => timelineOfTransactions(await runTransactions(schedule)),
  }),
}
