import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokerError, brokerErrors, ErrorCode } from '../../src/protocol/error-codes.js'
import { errorCodes } from './golden/fixtures.js'

describe('error codes', () => {
  it('are those of Kafka, with the same names and the same retriable ones', () => {
    assert.deepEqual(
      brokerErrors.map(({ code, name, retriable }) => ({ code, name, retriable })),
      errorCodes,
    )
  })

  it('are found by name and by number', () => {
    for (const { code, name } of errorCodes) {
      assert.equal(ErrorCode[name as keyof typeof ErrorCode], code)
      assert.equal(brokerError(code).name, name)
    }
    assert.equal(ErrorCode.NOT_LEADER_OR_FOLLOWER, 6)
  })

  it('each say what they mean, in one sentence and no two the same', () => {
    for (const { name, message } of brokerErrors) assert.match(message, /^[A-Z].*[a-z)\d]\.$/, name)
    assert.equal(new Set(brokerErrors.map(error => error.message)).size, brokerErrors.length)
  })

  it('of a newer broker are named by their number, and not retriable', () => {
    const { message, ...rest } = brokerError(12345)
    assert.deepEqual(rest, { code: 12345, name: 'UNKNOWN_CODE_12345', retriable: false })
    assert.match(message, /does not know/)
  })
})
