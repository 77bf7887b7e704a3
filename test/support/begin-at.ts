import type { TestContext } from 'node:test'
import { Sequences } from '../../src/producer/model/sequences.js'

/** Has every partition begin with this sequence, for as long as the test runs: no test can send two billion records first. */
export function beginAt(t: TestContext, sequence: number): void {
  const { take } = Sequences.prototype
  const begun = new WeakSet<Sequences>()
  t.mock.method(Sequences.prototype, 'take', function (this: Sequences, count: number) {
    if (!begun.has(this)) this.rewindTo(sequence)
    begun.add(this)
    return take.call(this, count)
  })
}
