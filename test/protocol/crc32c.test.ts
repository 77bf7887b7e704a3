import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Crc32c,
  crc32c,
  javascriptCrc32c,
  loadNativeCrc32c,
  makeCrc32c,
  NATIVE_FROM_BYTES,
} from '../../src/protocol/records/crc32c.js'
import { batches } from './golden/fixtures.js'

const ascending = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
const iscsiRead =
  '01c00000000000000000000000000000' + '14000000000004000000001400000018' + '28000000000000000200000000000000'

/** RFC 3720, appendix B.4, and the check value that catalogues of CRCs list. */
const vectors: [Buffer, number][] = [
  [Buffer.alloc(0), 0],
  [Buffer.from('123456789'), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 0xff), 0x62a8ab43],
  [ascending, 0x46dd794e],
  [Buffer.from(ascending).reverse(), 0x113fdb5c],
  [Buffer.from(iscsiRead, 'hex'), 0xd9963a56],
]

/** The definition, bit by bit: slow, and independent of both implementations. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

const missing = (): Crc32c => createRequire(import.meta.url)('a-package-that-is-not-installed')
const implementations: [string, Crc32c][] = [
  ['as used', crc32c],
  ['JavaScript', javascriptCrc32c],
  ['native', loadNativeCrc32c()],
  ['without the native package', makeCrc32c(missing)],
]

describe('CRC-32C', () => {
  for (const [name, crc] of implementations) {
    it(`${name}: known values`, () => {
      for (const [bytes, expected] of vectors) assert.equal(crc(bytes), expected)
    })

    it(`${name}: the checksums of batches that Java made`, () => {
      for (const batch of batches) assert.equal(crc(batch.bytes.subarray(21)), batch.fields.crc, batch.name)
    })

    it(`${name}: agrees with the definition at every size and alignment`, () => {
      const pool = Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 167 + (i >> 3)) & 0xff))
      for (let size = 0; size <= 560; size++) {
        const start = size % 17
        const view = new Uint8Array(pool.buffer, pool.byteOffset + start, size)
        assert.equal(crc(view), bitwise(view), `${size} bytes from ${start}`)
      }
    })
  }

  it('the implementations agree on random bytes', () => {
    const all = implementations.map(([, crc]) => crc)
    const sizes = fc.oneof(
      fc.nat(64),
      fc.integer({ min: NATIVE_FROM_BYTES - 3, max: NATIVE_FROM_BYTES + 3 }),
      fc.nat(40_000),
    )
    fc.assert(
      fc.property(sizes, fc.nat(15), fc.nat(0xffffffff), (size, start, seed) => {
        const pool = Buffer.alloc(size + start)
        let state = seed | 1
        for (let i = 0; i < pool.length; i++) {
          state = (state * 1664525 + 1013904223) >>> 0
          pool[i] = state >>> 24
        }
        const view = pool.subarray(start)
        assert.equal(new Set(all.map(crc => crc(view))).size, 1)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the native implementation', () => {
  it('is loaded once, and only for inputs from a certain size on', () => {
    let loads = 0
    const seen: number[] = []
    const crc = makeCrc32c(() => {
      loads++
      return bytes => {
        seen.push(bytes.length)
        return 1
      }
    })
    assert.equal(crc(Buffer.alloc(NATIVE_FROM_BYTES - 1)), bitwise(Buffer.alloc(NATIVE_FROM_BYTES - 1)))
    assert.equal(loads, 0)
    for (const size of [NATIVE_FROM_BYTES, NATIVE_FROM_BYTES + 1, 10_000]) assert.equal(crc(Buffer.alloc(size)), 1)
    assert.deepEqual(seen, [NATIVE_FROM_BYTES, NATIVE_FROM_BYTES + 1, 10_000])
    assert.equal(loads, 1)
  })

  it('is given up after one failure to load', () => {
    let loads = 0
    const crc = makeCrc32c(() => {
      loads++
      throw new Error('not built for this platform')
    })
    for (let i = 0; i < 3; i++) assert.equal(crc(Buffer.alloc(1000, i)), bitwise(Buffer.alloc(1000, i)))
    assert.equal(loads, 1)
  })
})
