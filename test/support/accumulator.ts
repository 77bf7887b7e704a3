import { Accumulator } from '../../src/producer/batching/accumulator.js'
import { type ProducerOptions, resolveOptions } from '../../src/producer/options/options.js'

/** The option's default. */
export const MAX_REQUEST_SIZE = 1_048_576

/** An accumulator with nothing around it: who uses it draws, and answers what was drawn. */
export function loneAccumulator(options: Omit<ProducerOptions, 'brokers'> = {}): Accumulator {
  const accumulator = new Accumulator(resolveOptions({ brokers: ['stub'], ...options }), {
    topicUsed() {},
    leaderless() {},
    topicGivenUp() {},
    ready() {},
    released() {},
    settle: (batch, end) => accumulator.settle(batch, end),
    split: (batch, parts) => accumulator.split(batch, parts),
    pause() {},
    epochBumped() {},
  })
  return accumulator
}
