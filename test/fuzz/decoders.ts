import assert from 'node:assert/strict'
import { getHeapStatistics } from 'node:v8'
import { MalformedMessageError } from '../../src/errors.js'
import type { Random } from '../support/random.js'
import { mutateBody } from './mutate.js'
import { decode, type Reply } from './reply.js'
import { Tally } from './tally.js'

/** How many decodes are measured: reading the heap's size takes longer than most of them. */
const MEASURED = 1 / 8

/**
 * Bytes on the heap that a decode may take: for each byte of the frame, for an element of an array can be an object though it
 * came as a few bytes; and beside that, for what the engine itself allocates now and then.
 */
const PER_BYTE = 100
const BESIDE = 400_000

/** Decodes so many replies that were tampered with. Each is read to something, or malformed. */
export function fuzzDecoders(bases: readonly Reply[], random: Random, frames: number): Tally {
  const tally = new Tally()
  for (let i = 0; i < frames; i++) {
    const base = random.pick(bases)
    const { kind, bytes, detectable } = mutateBody(base, random, random.pick(bases))
    const measured = random.chance(MEASURED)
    const before = measured ? heap() : 0
    let outcome = 'malformed'
    try {
      const value = decode({ ...base, frame: bytes })
      outcome = 'read to something'
      const weight = weigh(value)
      assert.ok(
        weight <= bytes.length,
        `${bytes.length} bytes of ${describe(base)} became ${weight} elements and characters`,
      )
      assert.ok(!detectable, `${kind}, and was read: ${describe(base)} ${bytes.toString('hex')}`)
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error
    }
    let taken = measured ? heap() - before : 0
    const allowed = BESIDE + PER_BYTE * bytes.length
    // What the engine took for itself, as to compile, it does not take again.
    for (let again = 0; taken > allowed && again < 5; again++)
      taken = Math.min(taken, takenBy({ ...base, frame: bytes }))
    assert.ok(
      taken <= allowed,
      `${taken} bytes taken by ${bytes.length} of ${describe(base)}, ${kind}: ${bytes.toString('hex')}`,
    )
    tally.most('bytes taken by a decode', taken)
    tally.add(kind, outcome)
  }
  return tally
}

/** Bytes on the heap that a decode takes. */
function takenBy(reply: Reply): number {
  const before = heap()
  try {
    decode(reply)
  } catch {
    // It was judged before.
  }
  return heap() - before
}

function heap(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}

/** Elements of arrays, and characters or bytes: nothing of it can be more than the bytes that were read. */
function weigh(value: unknown): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value.length
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + weigh(item), value.length)
  if (typeof value !== 'object' || value === null) return 0
  return Object.values(value).reduce<number>((sum, item) => sum + weigh(item), 0)
}

function describe({ api, version }: Reply): string {
  return `${api.name} ${version}`
}
