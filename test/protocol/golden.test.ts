import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  decodeCorrelationId,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../src/protocol/wire/message.js'
import { apis, decodeBody, type Golden, goldenClientId, goldenCorrelationId, goldens } from './golden/fixtures.js'

function frameOf(golden: Golden): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(golden.header.length + golden.body.length)
  return Buffer.concat([size, golden.header, golden.body])
}

function encodeFrame({ api, direction, version, fields }: Golden): Buffer {
  return Buffer.concat(
    direction === 'request'
      ? encodeRequestFrame(api, version, goldenCorrelationId, goldenClientId, fields)
      : encodeResponseFrame(api, version, goldenCorrelationId, fields),
  )
}

describe('messages written by Kafka’s own classes', () => {
  for (const api of apis) {
    for (const direction of ['request', 'response'] as const) {
      const ours = goldens.filter(golden => golden.api === api && golden.direction === direction)

      it(`${api.name} ${direction}: there is one in every version of the codec, and none beyond`, () => {
        const expected = Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i)
        assert.deepEqual(
          [...new Set(ours.map(golden => golden.version))].sort((a, b) => a - b),
          expected,
        )
      })

      it(`${api.name} ${direction}: is read to the fields that Kafka reads`, () => {
        for (const golden of ours) {
          const { fields, remaining } = decodeBody(api, direction, golden.version, golden.body)
          assert.deepEqual(fields, golden.fields, golden.title)
          assert.equal(remaining, 0, golden.title)
        }
      })

      it(`${api.name} ${direction}: is written to the same bytes, header included`, () => {
        for (const golden of ours.filter(one => !one.tagged)) {
          assert.equal(encodeFrame(golden).toString('hex'), frameOf(golden).toString('hex'), golden.title)
        }
      })

      it(`${api.name} ${direction}: is read from behind its header`, () => {
        for (const golden of ours) {
          const message = frameOf(golden).subarray(4)
          if (direction === 'request') {
            const { bodyOffset, ...header } = decodeRequestHeader(message)
            assert.deepEqual(header, {
              apiKey: api.key,
              apiVersion: golden.version,
              correlationId: goldenCorrelationId,
              clientId: goldenClientId,
            })
            assert.deepEqual(decodeRequestBody(api, golden.version, message, bodyOffset), golden.fields, golden.title)
          } else {
            assert.equal(decodeCorrelationId(message), goldenCorrelationId)
            assert.deepEqual(decodeResponseBody(api, golden.version, message), golden.fields, golden.title)
          }
        }
      })
    }
  }
})
