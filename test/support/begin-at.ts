import type { TestContext } from 'node:test'
import type { Batch } from '../../src/producer/batch.js'
import { Sequencer } from '../../src/producer/sequencer.js'

/** Has every partition begin with this sequence, for as long as the test runs: no test can send two billion records first. */
export function beginAt(t: TestContext, sequence: number): void {
  const { stamp } = Sequencer.prototype
  const begun = new WeakSet<Sequencer>()
  t.mock.method(Sequencer.prototype, 'stamp', function (this: Sequencer, batch: Batch) {
    if (!begun.has(this)) this.rewindTo(sequence)
    begun.add(this)
    stamp.call(this, batch)
  })
}
