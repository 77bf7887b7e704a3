import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1Writer } from '../../src/protocol/records/record-batch-builder.js'

test('text is written in the same way where Node has no latin1Write', () => {
  for (const writer of [latin1Writer(Buffer.prototype as object), latin1Writer({})]) {
    const buffer = Buffer.alloc(8)
    assert.equal(writer.call(buffer, 'abcdef', 1, 6), 6)
    assert.equal(buffer.toString('latin1'), '\0abcdef\0')
  }
})
