import { Accumulator } from '../../src/producer/accumulator.js'
import { resolveOptions } from '../../src/producer/options.js'

/** An accumulator with default options, and nothing around it: who uses it draws, and answers what was drawn. */
export function loneAccumulator(): Accumulator {
  const accumulator = new Accumulator(resolveOptions({ brokers: ['stub'] }), {
    topicUsed() {},
    topicGivenUp() {},
    ready() {},
    released() {},
    settle: (batch, end) => accumulator.settle(batch, end),
    split() {},
    pause() {},
    epochBumped() {},
  })
  return accumulator
}
