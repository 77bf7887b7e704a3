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

  it('takes as much memory as came, twice at most, however it drips in; and keeps no chunk', context => {
    const size = 100_000
    const bytes = frame(Buffer.alloc(size, 'answer'))
    const allocated: number[] = []
    const { allocUnsafe } = Buffer
    context.mock.method(Buffer, 'allocUnsafe', (length: number) => {
      allocated.push(length)
      return allocUnsafe(length)
    })
    const messages: Buffer[] = []
    const reader = new FrameReader(2 ** 24, message => messages.push(message))
    let most = 0
    for (let i = 0; i < bytes.length; i++) {
      const chunk = Buffer.from([bytes[i]!])
      reader.push(chunk)
      chunk.fill(0)
      most = Math.max(most, (allocated.at(-1) ?? 0) / (i + 1))
    }
    assert.equal(messages[0]?.compare(bytes.subarray(4)), 0)
    assert.equal(most <= 4, true, `${most} bytes are held for each that came`)
    assert.equal(allocated.length < 20, true, `${allocated.length} allocations`)
    assert.equal(allocated.at(-1), size + 4)
  })

  it('a size that is a lie takes no memory until its bytes come', context => {
    const allocated: number[] = []
    const { allocUnsafe } = Buffer
    context.mock.method(Buffer, 'allocUnsafe', (length: number) => {
      allocated.push(length)
      return allocUnsafe(length)
    })
    const reader = new FrameReader(2 ** 31 - 1, () => assert.fail('a frame'))
    reader.push(Buffer.from('7fffffff0000', 'hex'))
    assert.deepEqual(allocated, [4, 12])
  })

  it('copies a frame that spans chunks, and not those that come whole behind it', () => {
    const messages: Buffer[] = []
    const reader = new FrameReader(100, message => messages.push(message))
    const [first, second, third] = [frame(Buffer.alloc(9, 1)), frame(Buffer.alloc(5, 2)), frame(Buffer.alloc(3, 3))]
    reader.push(first.subarray(0, 6))
    // In memory of its own, not in a pool's.
    const chunk = Buffer.from(new Uint8Array([...first.subarray(6), ...second, ...third.subarray(0, 2)]).buffer)
    reader.push(chunk)
    reader.push(third.subarray(2))
    assert.deepEqual(
      messages.map(message => message.toString('hex')),
      ['01'.repeat(9), '02'.repeat(5), '03'.repeat(3)],
    )
    assert.deepEqual(
      messages.map(({ buffer }) => buffer === chunk.buffer),
      [false, true, false],
    )
  })
})
