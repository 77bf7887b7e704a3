import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError } from '../../src/errors.js'
import { RequestLimit } from '../../src/producer/in-flight/request-limit.js'
import type { Connection } from '../../src/transport/connection.js'

const ENDED = new ConnectionError('the connection was closed by the broker')
const ended = (): Connection => ({ endedByBroker: true }) as unknown as Connection

test('the requests of one connection that ends are one reason to suspect their size', () => {
  const limit = new RequestLimit(1_000_000)
  const connection = ended()
  for (let i = 0; i < 4; i++) assert.equal(limit.lost(connection, 900_000, ENDED), ENDED)
  assert.equal(limit.bytes, 1_000_000)
  assert.match(
    limit.lost(ended(), 900_000, ENDED).message,
    /closed the connection at a request of about 900000 bytes, as it did the last time/,
  )
  assert.equal(limit.bytes, 450_000)
})

test('half as much each time, never more than before, and never less than 8 KiB', () => {
  const limit = new RequestLimit(1_000_000)
  const bytes = [100_000, 60_000, 900_000, 20_000, 9_000, 9_000].map(size => {
    limit.lost(ended(), size, ENDED)
    return limit.bytes
  })
  assert.deepEqual(bytes, [1_000_000, 30_000, 30_000, 10_000, 8_192, 8_192])
})
