import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { heartbeat } from '../../src/protocol/messages/heartbeat.js'
import { produce } from '../../src/protocol/messages/produce.js'
import {
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponseBody,
  encodeRequestFrame,
  encodeResponseFrame,
} from '../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'

const message = (chunks: Uint8Array[]): Buffer => Buffer.concat(chunks).subarray(4)

describe('frames', () => {
  it('begin with the size of the rest, whatever the number of chunks', () => {
    for (const version of [3, 9]) {
      for (const count of [0, 1, 7]) {
        const partitionData = Array.from({ length: count }, (_, index) => ({ index, records: Buffer.alloc(index) }))
        const request = {
          transactionalId: null,
          acks: -1,
          timeoutMs: 1,
          topicData: [{ name: 't', topicId: ZERO_UUID, partitionData }],
        }
        const whole = Buffer.concat(encodeRequestFrame(produce, version, 1, 'client', request))
        assert.equal(whole.readInt32BE(), whole.length - 4)
      }
    }
  })

  it('carry record batches by reference', () => {
    const records = Buffer.from('a batch')
    const request = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }],
    }
    assert.ok(encodeRequestFrame(produce, 9, 1, 'client', request).includes(records))
  })

  it('may come without a client id', () => {
    const request = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
    for (const version of [0, 4]) {
      const bytes = message(encodeRequestFrame(heartbeat, version, 7, null, request))
      const header = decodeRequestHeader(bytes)
      assert.equal(header.clientId, null)
      assert.deepEqual(decodeRequestBody(heartbeat, version, bytes, header.bodyOffset), request)
    }
  })

  it('may have tags in a flexible header, which are skipped', () => {
    // correlation id 1; one tag: number 3, two bytes; then throttle time, error code and the body's own tags
    const response = Buffer.from('00000001' + '010302abcd' + '00000005' + '001b' + '00', 'hex')
    assert.deepEqual(decodeResponseBody(heartbeat, 4, response), { throttleTimeMs: 5, errorCode: 27 })
  })
})

describe('ApiVersions', () => {
  it('is refused in the form of version 0, whatever was asked (KIP-511)', () => {
    const refusal = {
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }],
      throttleTimeMs: 0,
      finalizedFeatures: [],
    }
    const [first, ...others] = [0, 1, 2, 3, 4].map(version =>
      message(encodeResponseFrame(apiVersions, version, 9, refusal)),
    )
    for (const other of others) assert.deepEqual(other, first)
    for (const version of [0, 1, 2, 3, 4]) assert.deepEqual(decodeResponseBody(apiVersions, version, first!), refusal)
  })

  it('is refused without a list by brokers before 2.4', () => {
    const answer = Buffer.from('00000009' + '0023' + '00000000', 'hex')
    assert.deepEqual(decodeResponseBody(apiVersions, 3, answer), {
      errorCode: 35,
      apiKeys: [],
      throttleTimeMs: 0,
      finalizedFeatures: [],
    })
  })
})
