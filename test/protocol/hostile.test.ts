import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MalformedMessageError } from '../../src/errors.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { leaderMetadata, type MetadataResponse, metadata } from '../../src/protocol/messages/metadata.js'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { isFlexible } from '../../src/protocol/wire/api.js'
import { decodeRequestHeader, decodeResponseBody } from '../../src/protocol/wire/message.js'
import { apis, batches, decodeBody, goldens } from './golden/fixtures.js'

/** It stands behind a colon, and by itself: something that is or does something. */
const CLAUSE = /^(a|an|the|gzip|lz4|snappy|zstd) .*\b(announces|are|cannot|goes on|has|is|may)\b/

describe('a message that is cut short', () => {
  for (const api of apis) {
    it(`${api.name}: is malformed, wherever the cut`, () => {
      for (const golden of goldens.filter(one => one.api === api)) {
        for (let cut = 0; cut < golden.body.length; cut++) {
          assert.throws(
            () => decodeBody(api, golden.direction, golden.version, golden.body.subarray(0, cut)),
            MalformedMessageError,
            `${golden.title}, cut at ${cut} of ${golden.body.length}`,
          )
        }
      }
    })
  }

  it('has a malformed header as well', () => {
    const header = goldens.find(golden => golden.api.name === 'Produce' && golden.version === 3)!.header
    assert.equal(decodeRequestHeader(header).bodyOffset, header.length)
    for (let cut = 0; cut < header.length; cut++) {
      assert.throws(() => decodeRequestHeader(header.subarray(0, cut)), MalformedMessageError)
    }
  })
})

describe('an answer that is longer than it says', () => {
  for (const api of apis) {
    it(`${api.name}: is malformed`, () => {
      for (const golden of goldens.filter(one => one.api === api && one.direction === 'response')) {
        const message = Buffer.concat([golden.header, golden.body, Buffer.alloc(1)])
        assert.throws(() => decodeResponseBody(api, golden.version, message), MalformedMessageError, golden.title)
        assert.ok(decodeResponseBody(api, golden.version, message.subarray(0, -1)))
      }
    })
  }

  it('also where a broker answers an unknown version of ApiVersions in the form of version 0', () => {
    const answer = Buffer.from('00000007' + '0023' + '00000001' + '001200000004', 'hex')
    assert.ok(decodeResponseBody(apiVersions, 4, answer))
    const longer = Buffer.concat([answer, Buffer.alloc(1)])
    assert.throws(() => decodeResponseBody(apiVersions, 4, longer), MalformedMessageError)
  })
})

describe('an answer that is large', () => {
  it('ApiVersions has no more keys than there can be: it comes before anybody is authenticated', () => {
    // As many as fit into the largest answer that is accepted by default.
    const answer = Buffer.alloc(16 * 1024 * 1024)
    answer.writeInt32BE(2_300_000, 6)
    assert.throws(
      () => decodeResponseBody(apiVersions, 0, answer),
      /^MalformedMessageError: an ARRAY announces 2300000 elements at offset 10, but there are 65536 at most$/,
    )
  })

  it('SaslHandshake names no more mechanisms than anybody has', () => {
    const answer = Buffer.alloc(1024 * 1024)
    answer.writeInt32BE(500_000, 6)
    assert.throws(() => decodeResponseBody(saslHandshake, 1, answer), /announces 500000 .* there are 1000 at most$/)
  })

  it('Metadata: of partitions nothing is kept but their leaders, in every version', () => {
    for (const golden of goldens.filter(one => one.api === metadata && one.direction === 'response')) {
      const all = decodeBody(metadata, 'response', golden.version, golden.body).fields as MetadataResponse
      const read = decodeBody(leaderMetadata, 'response', golden.version, golden.body)
      assert.equal(read.remaining, 0)
      const topics = all.topics.map(topic => ({
        ...topic,
        partitions: topic.partitions.map(({ partitionIndex, leaderId, leaderEpoch }) => ({
          partitionIndex,
          leaderId,
          leaderEpoch,
        })),
      }))
      assert.deepEqual(read.fields, { ...all, topics }, golden.title)
    }
  })
})

describe('a message with wrong bytes', () => {
  const anyGolden = fc.constantFrom(...goldens)

  it('is read to something or is malformed: no other error, no hang', () => {
    fc.assert(
      fc.property(
        anyGolden,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (golden, flips) => {
          const body = Buffer.from(golden.body)
          for (const [place, value] of flips) if (body.length > 0) body[place % body.length] = value
          try {
            decodeBody(golden.api, golden.direction, golden.version, body)
          } catch (error) {
            assert.ok(error instanceof MalformedMessageError, `${golden.title}: ${error}`)
            assert.match(error.message, CLAUSE)
          }
        },
      ),
      { numRuns: 20_000 },
    )
  })

  it('costs nothing when a length of two billion is announced anywhere', () => {
    const huge = Buffer.from('7fffffff', 'hex')
    const hugeCompact = Buffer.from('ffffffff0f', 'hex')
    const before = process.memoryUsage()
    for (const golden of goldens) {
      const lie = isFlexible(golden.api, golden.version) ? hugeCompact : huge
      for (let place = 0; place + lie.length <= golden.body.length; place++) {
        const body = Buffer.from(golden.body)
        lie.copy(body, place)
        try {
          decodeBody(golden.api, golden.direction, golden.version, body)
        } catch (error) {
          assert.ok(error instanceof MalformedMessageError, `${golden.title}: ${error}`)
        }
      }
    }
    // A single array or buffer of the announced size would take 2 GiB at least.
    const after = process.memoryUsage()
    assert.ok(after.rss - before.rss < 2 ** 30, `${after.rss - before.rss} more bytes are in use`)
  })
})

describe('a record batch that is damaged', () => {
  it('fails its CRC wherever a byte behind it is wrong', () => {
    for (const batch of batches) {
      for (let place = 21; place < batch.bytes.length; place += 1 + (batch.bytes.length >> 8)) {
        const bytes = Buffer.from(batch.bytes)
        bytes[place] = bytes[place]! ^ 0x10
        assert.equal(decodeRecordBatches(bytes)[0]!.crcValid, false, `${batch.name}, byte ${place}`)
      }
    }
  })

  it('is read to something or is malformed', () => {
    fc.assert(
      fc.property(fc.constantFrom(...batches), fc.nat(), fc.nat(255), (batch, place, value) => {
        const bytes = Buffer.from(batch.bytes)
        bytes[place % bytes.length] = value
        try {
          for (const read of decodeRecordBatches(bytes)) decodeRecords(read)
        } catch (error) {
          assert.ok(error instanceof MalformedMessageError, `${batch.name}: ${error}`)
          assert.match(error.message, CLAUSE)
        }
      }),
      { numRuns: 10_000 },
    )
  })

  it('is left out when its end is missing', () => {
    const { bytes } = batches[0]!
    for (let cut = 0; cut < bytes.length; cut++) {
      assert.deepEqual(decodeRecordBatches(bytes.subarray(0, cut)), [])
      assert.equal(decodeRecordBatches(Buffer.concat([bytes, bytes.subarray(0, cut)])).length, 1)
    }
  })
})
