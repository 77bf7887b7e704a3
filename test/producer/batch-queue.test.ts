import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../src/producer/model/batch.js'
import { BatchQueue } from '../../src/producer/model/batch-queue.js'
import { Random } from '../support/random.js'

test('it holds what an array would, whatever is done to it', () => {
  const random = new Random(1).next
  const array: Batch[] = []
  const queue = new BatchQueue()
  // It grows at first, and shrinks to nothing in the end, several times.
  for (let step = 0; step < 40_000; step++) {
    const growing = step % 10_000 < 4_000
    const dice = random()
    if (array.length === 0 || dice < (growing ? 0.9 : 0.2)) {
      const batch = { attempts: step } as Batch
      array.push(batch)
      queue.push(batch)
    } else if (dice < 0.95) {
      assert.equal(queue.shift(), array.shift())
    } else {
      const [batch] = array.splice(Math.floor(random() * Math.min(array.length, 10)), 1)
      queue.delete(batch!)
    }
    assert.equal(queue.length, array.length)
    assert.equal(queue.first, array[0])
    assert.equal(queue.last, array.at(-1))
    if (step % 1_000 === 0) assert.deepEqual(queue.toArray(), array)
  }
  assert.deepEqual(new BatchQueue([...array]).toArray(), array)
})

test('an empty one', () => {
  const queue = new BatchQueue()
  assert.deepEqual([queue.length, queue.first, queue.last, queue.shift()], [0, undefined, undefined, undefined])
})
