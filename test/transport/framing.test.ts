import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MalformedMessageError } from '../../src/errors.js'
import { FrameReader } from '../../src/transport/framing.js'
import { conversations } from '../protocol/golden/fixtures.js'

const frame = (payload: Buffer): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(payload.length)
  return Buffer.concat([size, payload])
}

/** What a reader makes of a stream that is cut at these places. */
function read(stream: Buffer, cuts: readonly number[], maxFrameSize = 1_000_000): string[] {
  const frames: string[] = []
  const reader = new FrameReader(maxFrameSize, message => frames.push(message.toString('hex')))
  let start = 0
  for (const cut of [...cuts, stream.length]) {
    reader.push(stream.subarray(start, cut))
    start = cut
  }
  return frames
}

const payloads = ['', '01', '0203', '', '', 'ff'.repeat(9), '00000000', '0000000100'].map(hex =>
  Buffer.from(hex, 'hex'),
)
const stream = Buffer.concat(payloads.map(frame))
const expected = payloads.map(payload => payload.toString('hex'))

describe('FrameReader', () => {
  it('reads frames that come in one chunk, as views of it', () => {
    const messages: Buffer[] = []
    new FrameReader(100, message => messages.push(message)).push(stream)
    assert.deepEqual(
      messages.map(message => message.toString('hex')),
      expected,
    )
    for (const message of messages) assert.equal(message.buffer, stream.buffer)
  })

  it('reads them byte by byte', () => {
    assert.deepEqual(
      read(
        stream,
        Array.from(stream, (_, i) => i),
      ),
      expected,
    )
  })

  it('reads them whatever the place of one cut, and of two', () => {
    for (let first = 0; first <= stream.length; first++) {
      assert.deepEqual(read(stream, [first]), expected, `cut at ${first}`)
      for (let second = first; second <= stream.length; second++) {
        assert.deepEqual(read(stream, [first, second]), expected, `cut at ${first} and ${second}`)
      }
    }
  })

  it('reads a real conversation, cut anywhere', () => {
    const frames = conversations.map(one => one.frame)
    const whole = Buffer.concat(frames)
    const messages = frames.map(one => one.subarray(4).toString('hex'))
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 60 }), cuts => {
        assert.deepEqual(
          read(
            whole,
            cuts.sort((a, b) => a - b),
          ),
          messages,
        )
      }),
      { numRuns: 50 },
    )
  })

  it('hands out a frame as soon as its last byte is there', () => {
    const seen: number[] = []
    const reader = new FrameReader(100, message => seen.push(message.length))
    const bytes = frame(Buffer.alloc(3))
    for (let i = 0; i < bytes.length - 1; i++) reader.push(bytes.subarray(i, i + 1))
    assert.deepEqual(seen, [])
    reader.push(bytes.subarray(-1))
    assert.deepEqual(seen, [3])
  })

  it('keeps a frame untouched while later ones arrive', () => {
    const messages: Buffer[] = []
    const reader = new FrameReader(100, message => messages.push(message))
    for (const chunk of [stream.subarray(0, 7), stream.subarray(7, 20), stream.subarray(20)])
      reader.push(Buffer.from(chunk))
    assert.deepEqual(
      messages.map(message => message.toString('hex')),
      expected,
    )
  })

  it('takes frames up to its limit, and refuses the first byte beyond before the rest is there', () => {
    assert.deepEqual(read(frame(Buffer.alloc(16)), [], 16), ['00'.repeat(16)])
    const refused = frame(Buffer.alloc(17)).subarray(0, 4)
    assert.throws(() => read(refused, [], 16), { name: 'MalformedMessageError', message: /17 bytes.*at most 16/ })
    for (const cut of [1, 2, 3]) assert.throws(() => read(refused, [cut], 16), MalformedMessageError)
  })

  it('refuses sizes that are negative, or not Kafka at all', () => {
    for (const hex of ['ffffffff', '80000000', 'fffffffe00']) {
      assert.throws(() => read(Buffer.from(hex, 'hex'), []), MalformedMessageError, hex)
    }
    assert.throws(() => read(Buffer.from('HTTP/1.1 400 Bad Request\r\n'), []), { message: /HTTP\/1\.1 400 Bad/ })
    // A TLS alert, which a listener with TLS answers to plain text.
    assert.throws(() => read(Buffer.from('15030300020246', 'hex'), []), MalformedMessageError)
  })

  it('hands out the frames before the malformed one', () => {
    const seen: number[] = []
    const reader = new FrameReader(100, message => seen.push(message.length))
    assert.throws(
      () => reader.push(Buffer.concat([frame(Buffer.alloc(5)), Buffer.from('ffffffff', 'hex')])),
      MalformedMessageError,
    )
    assert.deepEqual(seen, [5])
  })
})
