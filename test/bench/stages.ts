import type { Producer } from '../../src/index.js'
import type { Stage } from './measure.js'
import { acking } from './stages/acking.js'
import { encoding, sealing } from './stages/encode.js'
import { choosing, draining, offering, stamping } from './stages/placing.js'
import { answering, framing, windowing } from './stages/requests.js'
import { accepting, observing, producing } from './stages/whole.js'

/**
 * What each stage of the data path does to a record, a batch or a request, each through its own door, in the order in which a
 * record passes them; then all of them together.
 *
 * @param producer of a broker in this process.
 */
export function stagesOf(producer: Producer): Stage[] {
  return [
    observing(),
    ...choosing(),
    ...encoding(100),
    ...encoding(1000),
    sealing(),
    offering(),
    accepting(100),
    accepting(1000),
    draining(1),
    draining(1000),
    stamping(),
    windowing(),
    framing(1),
    framing(100),
    answering(1),
    answering(100),
    ...acking(),
    producing(producer, 'broker in this process', 'sendBatches', 100, 20_000),
    producing(producer, 'broker in this process', 'send', 100, 20_000),
    producing(producer, 'broker in this process', 'sendBatches', 1000, 5_000),
    producing(producer, 'broker in this process', 'send', 1000, 5_000),
  ]
}
