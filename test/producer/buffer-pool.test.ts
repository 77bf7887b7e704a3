import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool } from '../../src/producer/batching/buffer-pool.js'

test('a buffer that was given back is given out again, for as much or less', () => {
  const pool = new BufferPool(10_000)
  const buffer = pool.take(1000)
  assert.ok(buffer.length >= 1000)
  pool.give(buffer)
  assert.equal(pool.take(buffer.length - 100), buffer)
  assert.notEqual(pool.take(1000), buffer, 'and to one only')
})

test('a smaller one is not given for more', () => {
  const pool = new BufferPool(10_000)
  pool.give(pool.take(512))
  assert.ok(pool.take(513).length >= 513)
})

test('it keeps no more than its limit, and only what it could have made', () => {
  const pool = new BufferPool(1024)
  const [a, b] = [pool.take(1024), pool.take(1024)]
  pool.give(a)
  pool.give(b)
  assert.equal(pool.take(1024), a)
  assert.notEqual(pool.take(1024), b)
  const odd = Buffer.alloc(1000)
  pool.give(odd)
  assert.notEqual(pool.take(1000), odd)
})
