import type { TestContext } from 'node:test'
import type { Batch } from '../../src/producer/model/batch.js'
import { Sequences } from '../../src/producer/model/sequencer.js'

/** Has every partition begin with this sequence, for as long as the test runs: no test can send two billion records first. */
export function beginAt(t: TestContext, sequence: number): void {
  const { stamp } = Sequences.prototype
  const begun = new WeakSet<Sequences>()
  t.mock.method(Sequences.prototype, 'stamp', function (this: Sequences, batch: Batch) {
    if (!begun.has(this)) this.rewindTo(sequence)
    begun.add(this)
    stamp.call(this, batch)
  })
}
