import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import {
  decodeCorrelationId,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../src/protocol/wire/message.js'
import { conversations } from './golden/fixtures.js'

describe('what kafkajs, librdkafka and a broker said to each other', () => {
  for (const frame of conversations) {
    const message = frame.frame.subarray(4)

    it(`${frame.title}: is read`, () => {
      if (frame.direction === 'request') {
        const { bodyOffset, ...header } = decodeRequestHeader(message)
        assert.deepEqual(header, {
          apiKey: frame.api.key,
          apiVersion: frame.version,
          correlationId: frame.correlationId,
          clientId: frame.clientId,
        })
        assert.deepEqual(decodeRequestBody(frame.api, frame.version, message, bodyOffset), frame.fields)
      } else {
        assert.equal(decodeCorrelationId(message), frame.correlationId)
        assert.deepEqual(decodeResponseBody(frame.api, frame.version, message), frame.fields)
      }
    })

    // Tagged fields are skipped, so what has some comes out shorter.
    if (frame.tagged) continue
    it(`${frame.title}: is written to the same bytes`, () => {
      const written =
        frame.direction === 'request'
          ? encodeRequestFrame(frame.api, frame.version, frame.correlationId, frame.clientId, frame.fields)
          : encodeResponseFrame(frame.api, frame.version, frame.correlationId, frame.fields)
      assert.equal(Buffer.concat(written).toString('hex'), frame.frame.toString('hex'))
    })
  }

  it('has a broker that answers an unknown version of ApiVersions in the form of version 0', () => {
    const answer = conversations.find(frame => frame.madeBy === 'broker, to bare socket')!
    assert.equal(answer.frame.toString('hex'), '00000010000000070023000000010012' + '00000004')
    for (const asked of [0, 1, 2, 3, 4]) {
      assert.deepEqual(decodeResponseBody(apiVersions, asked, answer.frame.subarray(4)), {
        errorCode: 35,
        apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
        throttleTimeMs: 0,
        finalizedFeatures: [],
      })
    }
  })

  it('carries record batches that are read to what was sent', () => {
    const read = (madeBy: string): unknown[] =>
      conversations
        .filter(frame => frame.api.key === produce.key && frame.madeBy === madeBy)
        .flatMap(({ frame, version }) => {
          const message = frame.subarray(4)
          return decodeRequestBody(produce, version, message, decodeRequestHeader(message).bodyOffset).topicData
        })
        .flatMap(topic => topic.partitionData.map(partition => ({ topic: topic.name, ...partition })))
        .map(({ topic, index, records }) => {
          const [batch, ...others] = decodeRecordBatches(records!)
          assert.equal(others.length, 0)
          assert.equal(batch!.crcValid, true)
          return {
            partition: `${topic} ${index}`,
            idempotent: batch!.producerId >= 0n,
            sequence: batch!.baseSequence,
            compression: batch!.compression,
            records: decodeRecords(batch!).map(record =>
              [record.key, record.value, ...record.headers.flat()].map(String),
            ),
          }
        })

    assert.deepEqual(read('kafkajs 2.2.4'), [
      {
        partition: 'golden-1 0',
        idempotent: true,
        sequence: 0,
        compression: 0,
        records: [
          ['k', 'v', 'trace', 'abc', 'bytes', '\0\ufffd'],
          ['null', 'null'],
        ],
      },
      { partition: 'golden-1 1', idempotent: true, sequence: 0, compression: 0, records: [['', 'größe']] },
      {
        partition: 'golden-2 0',
        idempotent: true,
        sequence: 0,
        compression: 1,
        records: [['null', 'zipped'.repeat(9)]],
      },
      {
        partition: 'golden-2 0',
        idempotent: false,
        sequence: 0,
        compression: 0,
        records: [['plain', 'no producer id']],
      },
    ])
    assert.deepEqual(read('librdkafka 2.0.2'), [
      {
        partition: 'golden-1 0',
        idempotent: true,
        sequence: 0,
        compression: 0,
        records: [
          ['a', '1', 'h', 'v'],
          ['null', 'null', 'h', 'v'],
          ['b', '2', 'h', 'v'],
        ],
      },
      {
        partition: 'golden-1 1',
        idempotent: true,
        sequence: 0,
        compression: 2,
        records: [['null', 'snappy '.repeat(30)]],
      },
      {
        partition: 'golden-2 0',
        idempotent: false,
        sequence: -1,
        compression: 0,
        records: [['null', 'no producer id']],
      },
    ])
  })
})
