import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { apis, type Direction, decodeBody, encodeBody, goldens } from './golden/fixtures.js'

/*
 * Values for every message of every API, made from the shape of its golden ones. Numbers stay within an INT8, because
 * the shape does not say how wide a field is.
 */
const number = fc.integer({ min: -128, max: 127 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.string({ minLength: 120, maxLength: 135 }))
const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array))
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(array => Buffer.from(array))

/** What fits in the place of all these examples; `name` tells a uuid from other bytes. */
function valuesLike(examples: readonly unknown[], name = ''): fc.Arbitrary<unknown> {
  const present = examples.filter(example => example !== null)
  const values = presentLike(present, name)
  return present.length < examples.length ? fc.option(values, { freq: 3 }) : values
}

function presentLike(examples: readonly unknown[], name: string): fc.Arbitrary<unknown> {
  const first = examples[0]
  if (typeof first === 'number') return number
  if (typeof first === 'bigint') return int64
  if (typeof first === 'boolean') return fc.boolean()
  if (typeof first === 'string') return text
  if (Buffer.isBuffer(first)) return name === 'topicId' ? uuid : bytes
  if (Array.isArray(first)) {
    const items = (examples as unknown[][]).flat()
    return items.length === 0 ? fc.constant([]) : fc.array(valuesLike(items), { maxLength: 3 })
  }
  // The one that is null in every example.
  if (name === 'rack') return text
  if (typeof first !== 'object') throw new Error(`no example for ${name}`)
  return fc.record(
    Object.fromEntries(
      Object.keys(first as object).map(key => [
        key,
        valuesLike(
          (examples as Record<string, unknown>[]).map(example => example[key]),
          key,
        ),
      ]),
    ),
  )
}

function messagesOf(api: (typeof apis)[number], direction: Direction): fc.Arbitrary<unknown> {
  return valuesLike(goldens.filter(one => one.api === api && one.direction === direction).map(one => one.fields))
}

describe('what the encoder writes, the decoder reads', () => {
  for (const api of apis) {
    for (const direction of ['request', 'response'] as const) {
      it(`${api.name} ${direction}, versions ${api.minVersion} to ${api.maxVersion}`, () => {
        const messages = messagesOf(api, direction)
        for (let version = api.minVersion; version <= api.maxVersion; version++) {
          fc.assert(
            fc.property(messages, message => {
              const written = encodeBody(api, direction, version, message)
              const read = decodeBody(api, direction, version, written)
              assert.equal(read.remaining, 0)
              // What the version has no place for is lost on the way; the rest must come out the same ever after.
              assert.deepEqual(encodeBody(api, direction, version, read.fields), written)
              assert.deepEqual(Object.keys(read.fields as object).sort(), Object.keys(message as object).sort())
            }),
            { numRuns: 25 },
          )
        }
      })
    }
  }
})
