import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nextSequence } from '../../src/producer/model/sequences.js'

test('0 follows 2147483647', () => {
  assert.equal(nextSequence(2147483647, 1), 0)
  assert.equal(nextSequence(2147483646, 1), 2147483647)
  assert.equal(nextSequence(2147483645, 5), 2)
})

test('a batch is its records one by one, across the wrap too', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2147483647 }), fc.integer({ min: 1, max: 2000 }), (sequence, count) => {
      let expected = sequence
      for (let i = 0; i < count; i++) expected = expected === 2147483647 ? 0 : expected + 1
      assert.equal(nextSequence(sequence, count), expected)
    }),
  )
})
