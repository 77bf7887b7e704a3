import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { InvalidArgumentError, MalformedMessageError } from '../../src/errors.js'
import { produce } from '../../src/protocol/messages/produce.js'
import {
  CompressionId,
  compress,
  compressionId,
  decompress,
  lazySnappy,
  prepareCompression,
  type SnappyModule,
} from '../../src/protocol/records/compression.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import { decodeRequestBody, decodeRequestHeader } from '../../src/protocol/wire/message.js'
import { batches, conversations } from './golden/fixtures.js'

/** A raw snappy block of one literal, written by hand: length, tag, bytes. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length, (text.length - 1) << 2]), Buffer.from(text)])
}

/** Java's framing around raw blocks. */
function framed(...blocks: Buffer[]): Buffer {
  const header = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex')
  return Buffer.concat([
    header,
    ...blocks.flatMap(block => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(block.length)
      return [size, block]
    }),
  ])
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('compressing', () => {
  it('comes back the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), bytes => {
        assert.deepEqual(
          Buffer.from(decompress(compressionId('snappy'), compress('snappy', bytes))),
          Buffer.from(bytes),
        )
      }),
    )
    const zeros = Buffer.alloc(3_000_000)
    assert.ok(compress('snappy', zeros).length < zeros.length / 10)
    assert.deepEqual(Buffer.from(decompress(CompressionId.SNAPPY, compress('snappy', zeros))), zeros)
  })

  it('with none is the bytes themselves', () => {
    const bytes = Buffer.from('abc')
    assert.equal(compress('none', bytes), bytes)
    assert.equal(decompress(compressionId('none'), bytes), bytes)
    assert.equal(compressionId('none'), 0)
    assert.equal(compressionId('snappy'), 2)
  })

  it('can be prepared for', () => {
    prepareCompression('none')
    prepareCompression('snappy')
  })
})

describe('decompressing what others wrote', () => {
  it('snappy in one raw block, by hand and by librdkafka', () => {
    assert.equal(text(decompress(CompressionId.SNAPPY, literal('hello'))), 'hello')
    const frame = conversations.find(one => one.madeBy.startsWith('librdkafka') && one.frame.includes('snappy'))!
    const message = frame.frame.subarray(4)
    const request = decodeRequestBody(produce, frame.version, message, decodeRequestHeader(message).bodyOffset)
    const records = request.topicData[0]!.partitionData[0]!.records!
    assert.ok(
      text(decompress(CompressionId.SNAPPY, records.subarray(BATCH_HEADER_SIZE))).includes('snappy '.repeat(30)),
    )
  })

  it('snappy in the framing of Java, one block and more', () => {
    const [one, two] = batches.filter(batch => batch.fields.compression === CompressionId.SNAPPY)
    const records = decompress(CompressionId.SNAPPY, one!.bytes.subarray(BATCH_HEADER_SIZE))
    assert.equal(Buffer.from(records).toString('hex'), '10' + '00' + '00' + '00' + '026b' + '0276' + '00')
    const large = decompress(CompressionId.SNAPPY, two!.bytes.subarray(BATCH_HEADER_SIZE))
    assert.ok(large.length > 3 * 20_000)
    assert.equal(text(decompress(CompressionId.SNAPPY, framed(literal('hel'), literal('lo')))), 'hello')
    assert.equal(text(decompress(CompressionId.SNAPPY, framed())), '')
  })

  it('gzip', () => {
    assert.equal(text(decompress(CompressionId.GZIP, gzipSync('hello'))), 'hello')
    assert.throws(() => decompress(CompressionId.GZIP, Buffer.from('hello')), MalformedMessageError)
  })

  it('but not lz4 and zstd, and says so', () => {
    for (const id of [CompressionId.LZ4, CompressionId.ZSTD, 7]) {
      assert.throws(() => decompress(id, Buffer.from('hello')), {
        name: 'MalformedMessageError',
        message: new RegExp(`codec ${id}`),
      })
    }
  })
})

describe('the size that may come of it', () => {
  const tenBytes = 'x'.repeat(10)

  it('is kept to, to the byte', () => {
    const inputs: [number, Buffer][] = [
      [CompressionId.GZIP, gzipSync(tenBytes)],
      [CompressionId.SNAPPY, literal(tenBytes)],
      [CompressionId.SNAPPY, framed(literal('x'.repeat(4)), literal('x'.repeat(6)))],
    ]
    for (const [id, bytes] of inputs) {
      assert.equal(text(decompress(id, bytes, 10)), tenBytes)
      assert.throws(() => decompress(id, bytes, 9), MalformedMessageError)
    }
  })

  it('cannot be lied about', () => {
    // 0x07ffffff bytes, within the default limit, from six
    const lie = Buffer.concat([Buffer.from('ffffff3f', 'hex'), Buffer.from('0078', 'hex')])
    assert.throws(() => decompress(CompressionId.SNAPPY, lie), {
      message: /announces 134217727 bytes of records in a block of 6/,
    })
    assert.throws(() => decompress(CompressionId.SNAPPY, framed(lie)), MalformedMessageError)
  })

  it('lets the strongest compression through that snappy has', () => {
    const zeros = Buffer.alloc(1_000_000)
    const small = compress('snappy', zeros)
    assert.ok(zeros.length > 20 * small.length, `${small.length} bytes`)
    assert.equal(decompress(CompressionId.SNAPPY, small).length, zeros.length)
  })
})

describe('damaged snappy', () => {
  it('is malformed when it is cut short', () => {
    const raw = Buffer.from(compress('snappy', Buffer.from('abcdefgh'.repeat(20))))
    for (let cut = 0; cut < raw.length; cut++) {
      assert.throws(() => decompress(CompressionId.SNAPPY, raw.subarray(0, cut)), MalformedMessageError, `raw, ${cut}`)
      assert.throws(
        () => decompress(CompressionId.SNAPPY, framed(raw.subarray(0, cut))),
        MalformedMessageError,
        `framed, ${cut}`,
      )
    }
    const two = framed(literal('hel'), literal('lo'))
    for (let cut = 17; cut < two.length; cut++) {
      // A frame that ends with a block is whole: the framing has no count.
      if (cut === framed(literal('hel')).length) continue
      assert.throws(
        () => decompress(CompressionId.SNAPPY, two.subarray(0, cut)),
        MalformedMessageError,
        `cut at ${cut}`,
      )
    }
  })

  it('is malformed when a block has a false size', () => {
    for (const size of ['ffffffff', '80000000', '7fffffff', '00000004']) {
      const bytes = Buffer.concat([framed(), Buffer.from(`${size}00`, 'hex')])
      assert.throws(() => decompress(CompressionId.SNAPPY, bytes), MalformedMessageError, size)
    }
  })
})

describe('without the package snappy', () => {
  it('says what is missing and which option needs it, each time', () => {
    const cause = new Error("Cannot find module 'snappy-linux-x64'")
    let loads = 0
    const load = lazySnappy(() => {
      loads++
      throw cause
    })
    for (const attempt of [1, 2]) {
      assert.throws(load, (error: unknown) => {
        assert.ok(error instanceof InvalidArgumentError)
        assert.match(error.message, /package 'snappy'.*`compression`.*snappy-linux-x64/s)
        assert.equal(error.cause, cause)
        return true
      })
      assert.equal(loads, attempt)
    }
  })

  it('loads it once where it is there', () => {
    const snappy: SnappyModule = { compressSync: bytes => bytes, uncompressSync: bytes => bytes }
    let loads = 0
    const load = lazySnappy(() => {
      loads++
      return snappy
    })
    assert.equal(load(), snappy)
    assert.equal(load(), snappy)
    assert.equal(loads, 1)
  })
})
