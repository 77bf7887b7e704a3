import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress } from '../../src/transport/transport.js'

test('an address in a message: IPv6 in brackets, and of a host whatever it is', () => {
  for (const [host, text] of [
    ['broker', 'broker:9092'],
    ['::1', '[::1]:9092'],
    ['a\x1b[2J\nb', 'a\\u001b[2J\\u000ab:9092'],
  ] as const) {
    assert.equal(formatAddress({ host, port: 9092 }), text)
  }
  assert.equal(formatAddress({ host: 'x'.repeat(30_000), port: 1 }).length < 1_100, true)
})
