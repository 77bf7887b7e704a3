import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { BrokerError, describe as describeError, InvalidRecordError, printable, withoutStack } from '../src/errors.js'

const throws = (): never => {
  throw new Error('not readable')
}

describe('printable()', () => {
  it('shows letters as they are, and escapes what is none', () => {
    for (const [text, shown] of [
      ['', ''],
      ['naïve 日本 🎉 \\', 'naïve 日本 🎉 \\'],
      ['\x1b[31mred\r\n\0\x7f\x9b', '\\u001b[31mred\\u000d\\u000a\\u0000\\u007f\\u009b'],
      ['\u202egnp.exe\u2028\ud83d', '\\u202egnp.exe\\u2028\\ud83d'],
      ['\u{e0041}', '\\u{e0041}'],
    ] as const) {
      assert.equal(printable(text), shown)
    }
  })

  it('cuts what is long', () => {
    assert.equal(printable('x'.repeat(1_000)), 'x'.repeat(1_000))
    assert.equal(printable('x'.repeat(5_000_000)), `${'x'.repeat(1_000)}… (5000000 letters in all)`)
  })

  it('is what a message tells of what a broker says', () => {
    const info = { code: 87, name: 'INVALID_RECORD', retriable: false, message: 'A record is refused.' }
    const { message } = new BrokerError(info, `\x1b]0;title\x07${'x'.repeat(2_000)}`)
    assert.match(
      message,
      /^INVALID_RECORD \(87\): A record is refused\. The broker says: \\u001b\]0;title\\u0007x{980,990}…/,
    )
  })
})

describe('describe()', () => {
  it('is the message of an error, or its name, or the text of what is none', () => {
    const nameless = Object.assign(new Error(), { name: '' })
    const many = new AggregateError([new Error('a'), 'b', new AggregateError([new Error('c')])])
    for (const [error, text] of [
      [new Error('broken'), 'broken'],
      [new TypeError(), 'TypeError'],
      [nameless, 'an error without a message'],
      [runInNewContext('new Error("far")'), 'far'],
      [many, 'a; b; c'],
      [new AggregateError([new Error('a')], 'all failed'), 'all failed'],
      [new AggregateError([]), 'AggregateError'],
      ['text', 'text'],
      [5n, '5'],
      [undefined, 'undefined'],
      [null, 'null'],
      [Symbol('s'), 'Symbol(s)'],
      [{ message: 'like an error' }, 'like an error'],
    ]) {
      assert.equal(describeError(error), text)
    }
  })

  it('never throws, whatever was thrown', () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const getter = Object.defineProperty(new Error(), 'message', { get: throws })
    for (const unreadable of [Object.create(null), { toString: throws }, getter, revoked.proxy]) {
      assert.equal(describeError(unreadable), 'an error that cannot be read')
    }
    for (const message of [5, {}, Symbol('s'), null]) {
      assert.equal(describeError(Object.assign(new TypeError(), { message })), 'TypeError')
    }
    const own = new AggregateError([])
    own.errors = [own, new Error('a'), own]
    assert.equal(describeError(own), 'AggregateError; a; AggregateError')
    assert.equal(describeError(Object.assign(new AggregateError([]), { errors: 5 })), 'AggregateError')
    const any = fc.anything({ withBigInt: true, withNullPrototype: true, withBoxedValues: true })
    fc.assert(fc.property(any, thrown => assert.equal(typeof describeError(thrown), 'string')))
  })
})

describe('withoutStack()', () => {
  it('makes an error whose stack is its name and message alone', () => {
    const error = withoutStack(() => new InvalidRecordError('bad', { cause: 5 }))
    assert.equal(error.stack, 'InvalidRecordError: bad')
    assert.ok(error instanceof InvalidRecordError)
    assert.equal(error.cause, 5)
  })

  it('leaves stackTraceLimit as it was, also when the constructor throws', () => {
    const before = Error.stackTraceLimit
    try {
      Error.stackTraceLimit = 7
      withoutStack(() => withoutStack(() => new Error('inner')))
      assert.equal(Error.stackTraceLimit, 7)
      assert.throws(() => withoutStack(throws), { message: 'not readable' })
      assert.equal(Error.stackTraceLimit, 7)
      assert.match(new Error('after').stack!, /\n +at /)
    } finally {
      Error.stackTraceLimit = before
    }
  })

  it('does not bring back a stackTraceLimit that was deleted', () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')!
    try {
      Reflect.deleteProperty(Error, 'stackTraceLimit')
      assert.equal(withoutStack(() => new Error('bad')).message, 'bad')
      assert.ok(!Object.hasOwn(Error, 'stackTraceLimit'))
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', before)
    }
  })

  it('makes an error with its stack where Error is frozen', () => {
    const url = new URL('../src/errors.ts', import.meta.url).href
    const code = `
      const { withoutStack } = await import(${JSON.stringify(url)})
      Object.freeze(Error)
      console.log(withoutStack(() => new RangeError('bad')).stack)
    `
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code]).toString()
    assert.match(output, /^RangeError: bad\n +at /)
  })
})
