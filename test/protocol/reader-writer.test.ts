import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MalformedMessageError } from '../../src/errors.js'
import { Reader } from '../../src/protocol/wire/reader.js'
import { Writer } from '../../src/protocol/wire/writer.js'

interface KafkajsEncoder {
  buffer: Buffer
  writeVarInt(value: number): this
  writeUVarInt(value: number): this
  writeVarLong(value: string): this
  writeString(value: string | null): this
  writeUVarIntString(value: string | null): this
  writeBytes(value: Buffer | null): this
  writeUVarIntBytes(value: Buffer | null): this
}
const Encoder = createRequire(import.meta.url)('kafkajs/src/protocol/encoder') as new () => KafkajsEncoder

const kafkajs = (write: (encoder: KafkajsEncoder) => unknown): string => {
  const encoder = new Encoder()
  write(encoder)
  return encoder.buffer.toString('hex')
}
const ours = (write: (writer: Writer) => unknown, flexible = false): string => {
  const writer = new Writer(flexible)
  write(writer)
  return writer.toBuffer().toString('hex')
}
const reader = (hex: string, flexible = false): Reader => new Reader(Buffer.from(hex, 'hex'), flexible)

/** The places where the encoding becomes a byte longer, and the ends. */
const steps32 = [7, 14, 21, 28].flatMap(bits => [2 ** (bits - 1) - 1, 2 ** (bits - 1), 2 ** bits - 1, 2 ** bits])
const int32Edges = [0, 1, ...steps32, 2 ** 31 - 1].flatMap(value => [value, 0 - value, -1 - value])
const int64Edges = [0n, 1n, ...Array.from({ length: 63 }, (_, bit) => 2n ** BigInt(bit)), 2n ** 63n - 1n].flatMap(
  value => [value, -value, -value - 1n, value - 1n],
)

describe('variable-length numbers, against kafkajs', () => {
  const sameVarint = (value: number): void => {
    const hex = ours(writer => writer.varint(value))
    assert.equal(
      hex,
      kafkajs(encoder => encoder.writeVarInt(value)),
    )
    assert.equal(reader(hex).varint(), value)
  }
  const sameUnsignedVarint = (value: number): void => {
    const hex = ours(writer => writer.unsignedVarint(value))
    assert.equal(
      hex,
      kafkajs(encoder => encoder.writeUVarInt(value)),
    )
    assert.equal(reader(hex).unsignedVarint(), value)
  }
  const sameVarlong = (value: bigint): void => {
    const hex = ours(writer => writer.varlong(value))
    assert.equal(
      hex,
      kafkajs(encoder => encoder.writeVarLong(String(value))),
    )
    assert.equal(reader(hex).varlong(), value)
  }

  it('varint', () => {
    int32Edges.forEach(sameVarint)
    fc.assert(fc.property(fc.integer(), sameVarint))
  })

  it('unsigned varint', () => {
    for (const value of [...steps32, 0, 1, 2 ** 31, 2 ** 32 - 1]) sameUnsignedVarint(value)
    fc.assert(fc.property(fc.nat(2 ** 31 - 1), sameUnsignedVarint))
  })

  it('varlong', () => {
    int64Edges.forEach(sameVarlong)
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), sameVarlong))
  })

  it('are malformed when they never end', () => {
    assert.throws(() => reader('ffffffffff01').unsignedVarint(), MalformedMessageError)
    assert.throws(() => reader('808080808000').varint(), MalformedMessageError)
    assert.throws(() => reader(`${'ff'.repeat(10)}01`).varlong(), MalformedMessageError)
    for (const cut of ['', 'ff', 'ffffffff']) {
      assert.throws(() => reader(cut).unsignedVarint(), MalformedMessageError)
      assert.throws(() => reader(cut).varlong(), MalformedMessageError)
    }
  })
})

describe('strings and bytes, against kafkajs', () => {
  const strings = [
    '',
    'a',
    'größe',
    '日本',
    '🎈',
    'x'.repeat(126),
    'x'.repeat(127),
    'x'.repeat(128),
    'é'.repeat(16_383),
  ]

  it('classic', () => {
    for (const text of [...strings, null]) {
      const hex = ours(writer => writer.nullableString(text))
      assert.equal(
        hex,
        kafkajs(encoder => encoder.writeString(text)),
      )
      assert.equal(reader(hex).nullableString(), text)
      const bytes = text === null ? null : Buffer.from(text)
      const hexOfBytes = ours(writer => writer.nullableBytes(bytes))
      assert.equal(
        hexOfBytes,
        kafkajs(encoder => encoder.writeBytes(bytes)),
      )
      assert.deepEqual(reader(hexOfBytes).nullableBytes(), bytes)
    }
  })

  it('compact', () => {
    for (const text of [...strings, null]) {
      const hex = ours(writer => writer.nullableString(text), true)
      assert.equal(
        hex,
        kafkajs(encoder => encoder.writeUVarIntString(text)),
      )
      assert.equal(reader(hex, true).nullableString(), text)
      const bytes = text === null ? null : Buffer.from(text)
      const hexOfBytes = ours(writer => writer.nullableBytes(bytes), true)
      assert.equal(
        hexOfBytes,
        kafkajs(encoder => encoder.writeUVarIntBytes(bytes)),
      )
      assert.deepEqual(reader(hexOfBytes, true).nullableBytes(), bytes)
    }
  })

  it('a classic string holds 32767 bytes and not one more', () => {
    assert.equal(ours(writer => writer.string('x'.repeat(32_767))).slice(0, 4), '7fff')
    assert.throws(() => new Writer().string('x'.repeat(32_768)), RangeError)
    assert.equal(new Writer(true).string('x'.repeat(32_768)).size, 32_768 + 3)
  })
})

describe('Reader', () => {
  it('refuses null where it has no place', () => {
    assert.throws(() => reader('ffff').string(), MalformedMessageError)
    assert.throws(() => reader('00', true).string(), MalformedMessageError)
    assert.throws(() => reader('ffffffff').bytes(), MalformedMessageError)
    assert.throws(() => reader('ffffffff').array(() => 0), MalformedMessageError)
    assert.throws(() => reader('00', true).array(() => 0), MalformedMessageError)
  })

  it('refuses negative lengths that are not null', () => {
    assert.throws(() => reader('fffe0000').nullableString(), MalformedMessageError)
    assert.throws(() => reader('fffffffe').nullableBytes(), MalformedMessageError)
    assert.throws(() => reader('80000000').nullableArray(() => 0), MalformedMessageError)
    assert.throws(() => reader('0102').raw(-1), MalformedMessageError)
  })

  it('does not read a single element of an array that cannot be there', () => {
    const never = (): never => assert.fail('an element was read')
    assert.throws(() => reader('7fffffff00').array(never), MalformedMessageError)
    assert.throws(() => reader('00000002' + '00').array(never), MalformedMessageError)
    assert.throws(() => reader('ffffffff0f' + '00', true).array(never), MalformedMessageError)
  })

  it('reads no element of an array that has more than there can be', () => {
    const never = (): never => assert.fail('an element was read')
    assert.throws(
      () => reader('00000003010203').array(never, 2),
      /^MalformedMessageError: an ARRAY announces 3 elements at offset 4, but there are 2 at most$/,
    )
    const bytes = reader('00000002' + '0102')
    assert.deepEqual(
      bytes.array(() => bytes.int8(), 2),
      [1, 2],
    )
  })

  it('skips an array of INT32, which has to be there', () => {
    for (const flexible of [false, true]) {
      const bytes = reader(`${flexible ? '03' : '00000002'}000000010000000205`, flexible)
      bytes.skipInt32Array()
      assert.equal(bytes.int8(), 5)
    }
    assert.throws(() => reader('00000002' + '00000001').skipInt32Array(), MalformedMessageError)
    assert.throws(() => reader('ffffffff').skipInt32Array(), MalformedMessageError)
    assert.throws(() => reader('fffffffe').skipInt32Array(), MalformedMessageError)
  })

  it('reads an array whose elements take one byte each, to the last one', () => {
    const bytes = reader('00000003' + '010203')
    assert.deepEqual(
      bytes.array(() => bytes.int8()),
      [1, 2, 3],
    )
    assert.equal(bytes.remaining, 0)
    assert.deepEqual(
      reader('01', true).array(() => 0),
      [],
    )
  })

  it('skips tags, whatever is in them, and nothing in a classic message', () => {
    const tagged = reader('02' + '0003aabbcc' + '8101' + '00' + '2a', true)
    assert.equal(tagged.tags().int8(), 42)
    assert.equal(reader('2a').tags().int8(), 42)
    assert.throws(() => reader('ffffffff0f' + '0001', true).tags(), MalformedMessageError)
  })

  it('hands out views, also of a view', () => {
    const whole = Buffer.from('ffff00000002abcdffff', 'hex')
    const bytes = new Reader(new Uint8Array(whole.buffer, whole.byteOffset + 2, 6)).bytes()
    assert.equal(bytes.toString('hex'), 'abcd')
    whole[6] = 1
    assert.equal(bytes.toString('hex'), '01cd')
  })
})

describe('Writer', () => {
  it('keeps records by reference, between what was written before and after', () => {
    const records = Buffer.from('cafe', 'hex')
    const writer = new Writer(false).int8(1).records(records).int8(2)
    const chunks = writer.chunks()
    assert.equal(chunks[1], records)
    assert.equal(Buffer.concat(chunks).toString('hex'), '01' + '00000002' + 'cafe' + '02')
    assert.equal(writer.size, 8)
  })

  // A string that made the buffer grow behind a reference was written over what came before it.
  it('grows in front of, between and behind references without losing a byte', () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('string' as const), text: fc.string({ maxLength: 90 }) }),
        fc.record({ kind: fc.constant('records' as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
        fc.record({ kind: fc.constant('raw' as const), bytes: fc.uint8Array({ maxLength: 90 }) }),
        fc.record({ kind: fc.constant('int64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 62n }) }),
        fc.record({ kind: fc.constant('varlong' as const), value: fc.bigInt({ min: 0n, max: 2n ** 62n }) }),
        fc.record({ kind: fc.constant('unsignedVarint' as const), value: fc.nat() }),
      ),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(actions, fc.integer({ min: 1, max: 64 }), (list, capacity) => {
        const writer = new Writer(false, capacity)
        const expected: string[] = []
        for (const action of list) {
          const alone = new Writer(false, 1024)
          for (const target of [writer, alone]) {
            if (action.kind === 'string') target.string(action.text)
            else if (action.kind === 'records') target.records(action.bytes)
            else if (action.kind === 'raw') target.raw(action.bytes)
            else if (action.kind === 'int64') target.int64(action.value)
            else if (action.kind === 'varlong') target.varlong(action.value)
            else target.unsignedVarint(action.value)
          }
          expected.push(alone.toBuffer().toString('hex'))
        }
        assert.equal(writer.size * 2, expected.join('').length)
        assert.equal(writer.toBuffer().toString('hex'), expected.join(''))
      }),
      { numRuns: 500 },
    )
  })
})
