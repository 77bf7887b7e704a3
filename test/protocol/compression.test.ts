import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import zlib, { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { InvalidArgumentError, MalformedMessageError } from '../../src/errors.js'
import { type CodecName, lazy } from '../../src/protocol/compression/codec.js'
import { CODECS, codecOf, decompress, NOT_COMPRESSED } from '../../src/protocol/compression/codecs.js'
import { Compressor } from '../../src/protocol/compression/compressor.js'
import { zstdOfNode, zstdOfPackage } from '../../src/protocol/compression/zstd.js'
import { produce } from '../../src/protocol/messages/produce.js'
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

const compress = (name: CodecName, bytes: Uint8Array): Uint8Array =>
  new Compressor(CODECS[name], undefined).compressSync(bytes)

const NAMES = Object.keys(CODECS) as CodecName[]

describe('compressing', () => {
  for (const name of NAMES) {
    const { id, levels } = CODECS[name]

    it(`comes back the same: ${name}`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 5000 }), bytes => {
          assert.deepEqual(Buffer.from(decompress(id, compress(name, bytes))), Buffer.from(bytes))
        }),
      )
      const zeros = Buffer.alloc(3_000_000)
      assert.ok(compress(name, zeros).length < zeros.length / 10)
      assert.deepEqual(Buffer.from(decompress(id, compress(name, zeros))), zeros)
    })

    it(`comes back the same from off the event loop, also several at once: ${name}`, async () => {
      const compressor = new Compressor(CODECS[name], undefined)
      const inputs = [1, 50_000, 300_000].map(size => Buffer.from('{"status":"shipped"}'.repeat(size / 20 + 1)))
      const outputs = await Promise.all(inputs.map(input => compressor.compress(input)))
      for (const [i, input] of inputs.entries()) {
        assert.deepEqual(Buffer.from(decompress(id, outputs[i]!)), input)
      }
    })

    if (levels !== undefined) {
      it(`takes every level: ${name}`, () => {
        const words = ['shipped', 'created', 'pending', 'amount', 'customer', 'currency']
        const input = Buffer.from(Array.from({ length: 9_000 }, (_, i) => words[(i * i * 7) % 6]! + (i % 97)).join())
        const sizes = Array.from({ length: levels.max }, (_, i) => {
          const bytes = new Compressor(CODECS[name], levels.min + i).compressSync(input)
          assert.deepEqual(Buffer.from(decompress(id, bytes)), input)
          return bytes.length
        })
        assert.ok(new Set(sizes).size > 2, `${sizes}`)
        assert.equal(sizes[levels.usual - levels.min], compress(name, input).length)
      })
    }
  }

  it('with none is the bytes themselves', () => {
    const bytes = Buffer.from('abc')
    assert.equal(decompress(NOT_COMPRESSED, bytes), bytes)
  })

  it('has the numbers of Kafka', () => {
    assert.deepEqual(
      [1, 2, 3, 4].map(id => codecOf(id)?.name),
      ['gzip', 'snappy', 'lz4', 'zstd'],
    )
  })
})

describe('zstd', () => {
  const fromNode = zstdOfNode(zlib)
  const fromPackage = zstdOfPackage(createRequire(import.meta.url)('@toondepauw/node-zstd'))

  it('comes from Node where Node has it, and from the package elsewhere', () => {
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
    assert.equal(fromNode !== undefined, major > 23 || (major === 22 && minor >= 15) || (major === 23 && minor >= 8))
    assert.equal(zstdOfNode({}), undefined)
  })

  it('of Node and of the package read each other', () => {
    const input = Buffer.from('{"status":"shipped"}'.repeat(1000))
    for (const writer of [fromNode ?? fromPackage, fromPackage]) {
      for (const reader of [fromNode ?? fromPackage, fromPackage]) {
        assert.deepEqual(Buffer.from(reader.decompress(writer.compressSync(input, 3), 20_000)), input)
      }
    }
  })

  it('of the package is bounded by its blocks: stored, repeated and compressed ones, in several frames', () => {
    const block = (last: number, type: number, size: number): number[] => {
      const header = (size << 3) | (type << 1) | last
      return [header & 255, (header >> 8) & 255, header >> 16]
    }
    const magic = [0x28, 0xb5, 0x2f, 0xfd]
    const stored = [...magic, 0x00, 0x58, ...block(1, 0, 3), 1, 2, 3]
    const repeated = [...magic, 0x04, 0x58, ...block(1, 1, 2_000_000), 7, 0, 0, 0, 0]
    const skipped = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]
    assert.deepEqual([...fromPackage.decompress(Buffer.from(stored), 3)], [1, 2, 3])
    for (const frames of [repeated, [...stored, ...repeated], [...skipped, ...repeated]]) {
      assert.throws(() => fromPackage.decompress(Buffer.from(frames), 1_000_000), {
        message: /may hold 200000[03] bytes/,
      })
    }
    const zeros = fromPackage.compressSync(Buffer.alloc(3_000_000), 3)
    assert.throws(() => fromPackage.decompress(zeros, 2_000_000), { message: /may hold \d{7} bytes/ })
    assert.equal(fromPackage.decompress(zeros, 3_000_000).length, 3_000_000)
  })
})

describe('decompressing what others wrote', () => {
  it('snappy in one raw block, by hand and by librdkafka', () => {
    assert.equal(text(decompress(CODECS.snappy.id, literal('hello'))), 'hello')
    const frame = conversations.find(one => one.madeBy.startsWith('librdkafka') && one.frame.includes('snappy'))!
    const message = frame.frame.subarray(4)
    const request = decodeRequestBody(produce, frame.version, message, decodeRequestHeader(message).bodyOffset)
    const records = request.topicData[0]!.partitionData[0]!.records!
    assert.ok(text(decompress(CODECS.snappy.id, records.subarray(BATCH_HEADER_SIZE))).includes('snappy '.repeat(30)))
  })

  it('snappy in the framing of Java, one block and more', () => {
    const [one, two] = batches.filter(batch => batch.fields.compression === CODECS.snappy.id)
    const records = decompress(CODECS.snappy.id, one!.bytes.subarray(BATCH_HEADER_SIZE))
    assert.equal(Buffer.from(records).toString('hex'), '10' + '00' + '00' + '00' + '026b' + '0276' + '00')
    const large = decompress(CODECS.snappy.id, two!.bytes.subarray(BATCH_HEADER_SIZE))
    assert.ok(large.length > 3 * 20_000)
    assert.equal(text(decompress(CODECS.snappy.id, framed(literal('hel'), literal('lo')))), 'hello')
    assert.equal(text(decompress(CODECS.snappy.id, framed())), '')
  })

  it('gzip', () => {
    assert.equal(text(decompress(CODECS.gzip.id, gzipSync('hello'))), 'hello')
    assert.throws(() => decompress(CODECS.gzip.id, Buffer.from('hello')), MalformedMessageError)
  })

  it('but no other codec, and says so', () => {
    for (const id of [5, 6, 7]) {
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
      [CODECS.gzip.id, gzipSync(tenBytes)],
      [CODECS.snappy.id, literal(tenBytes)],
      [CODECS.snappy.id, framed(literal('x'.repeat(4)), literal('x'.repeat(6)))],
    ]
    for (const [id, bytes] of inputs) {
      assert.equal(text(decompress(id, bytes, 10)), tenBytes)
      assert.throws(() => decompress(id, bytes, 9), MalformedMessageError)
    }
  })

  it('cannot be lied about', () => {
    // 0x07ffffff bytes, within the default limit, from six
    const lie = Buffer.concat([Buffer.from('ffffff3f', 'hex'), Buffer.from('0078', 'hex')])
    assert.throws(() => decompress(CODECS.snappy.id, lie), {
      message: /announces 134217727 bytes of records in a block of 6/,
    })
    assert.throws(() => decompress(CODECS.snappy.id, framed(lie)), MalformedMessageError)
  })

  it('of lz4 is bounded by its blocks', () => {
    const zeros = compress('lz4', Buffer.alloc(20_000_000))
    assert.equal(decompress(CODECS.lz4.id, zeros, 20_000_000).length, 20_000_000)
    assert.throws(() => decompress(CODECS.lz4.id, zeros, 10_000_000), { message: /may hold \d+ bytes .* 10000000 are/ })
    // Stored blocks, as of random bytes, take what they are.
    const random = randomBytes(5_000)
    assert.deepEqual(Buffer.from(decompress(CODECS.lz4.id, compress('lz4', random), 5_000)), random)
  })

  it('lets the strongest compression through that snappy has', () => {
    const zeros = Buffer.alloc(1_000_000)
    const small = compress('snappy', zeros)
    assert.ok(zeros.length > 20 * small.length, `${small.length} bytes`)
    assert.equal(decompress(CODECS.snappy.id, small).length, zeros.length)
  })
})

describe('damaged snappy', () => {
  it('is malformed when it is cut short', () => {
    const raw = Buffer.from(compress('snappy', Buffer.from('abcdefgh'.repeat(20))))
    for (let cut = 0; cut < raw.length; cut++) {
      assert.throws(() => decompress(CODECS.snappy.id, raw.subarray(0, cut)), MalformedMessageError, `raw, ${cut}`)
      assert.throws(
        () => decompress(CODECS.snappy.id, framed(raw.subarray(0, cut))),
        MalformedMessageError,
        `framed, ${cut}`,
      )
    }
    const two = framed(literal('hel'), literal('lo'))
    for (let cut = 17; cut < two.length; cut++) {
      // A frame that ends with a block is whole: the framing has no count.
      if (cut === framed(literal('hel')).length) continue
      assert.throws(() => decompress(CODECS.snappy.id, two.subarray(0, cut)), MalformedMessageError, `cut at ${cut}`)
    }
  })

  it('is malformed when a block has a false size', () => {
    for (const size of ['ffffffff', '80000000', '7fffffff', '00000004']) {
      const bytes = Buffer.concat([framed(), Buffer.from(`${size}00`, 'hex')])
      assert.throws(() => decompress(CODECS.snappy.id, bytes), MalformedMessageError, size)
    }
  })
})

describe('without the package of a codec', () => {
  it('says which codec needs it and how to install it, each time', () => {
    const cause = new Error("Cannot find module 'lz4-napi'\nRequire stack:\n- /somewhere")
    let loads = 0
    const load = lazy('lz4', 'lz4-napi', () => {
      loads++
      throw cause
    })
    for (const attempt of [1, 2]) {
      assert.throws(load, (error: unknown) => {
        assert.ok(error instanceof InvalidArgumentError)
        assert.match(error.message, /^compression 'lz4' needs the package lz4-napi.*`npm install lz4-napi`/)
        assert.doesNotMatch(error.message, /somewhere/)
        assert.equal(error.cause, cause)
        return true
      })
      assert.equal(loads, attempt)
    }
  })

  it('loads it once where it is there', () => {
    let loads = 0
    const load = lazy('lz4', 'lz4-napi', () => ({ loads: ++loads }))
    assert.equal(load(), load())
    assert.equal(loads, 1)
  })
})
