import { inspect } from 'node:util'
import { brokerErrors } from '../../src/protocol/error-codes.js'
import type { Random } from '../support/random.js'
import { decode, encodedAnew, type Reply } from './reply.js'

/** An answer that is valid, and not true. */
export interface Lie {
  readonly answer: unknown
  readonly frame: Buffer
  /** What was changed: `topics.0.partitions.1.leaderId: 1 → 77`. */
  readonly changes: readonly string[]
}

/** A value somewhere in an answer. */
interface Place {
  /** The place of what holds it. */
  readonly within: Place | undefined
  readonly holder: Record<string, unknown>
  readonly key: string
  readonly value: unknown
}

/** Bytes of the longest answer that is made. */
const MOST_BYTES = 40_000

/** Attempts to find another value for a field: most fields can't hold every value of their type. */
const TRIES = 8

/**
 * Changes one to four values of an answer to others that their fields can hold; undefined if none was found. It walks what was
 * decoded and knows no API: what a field can hold is whatever the codec writes and reads again as it was.
 */
export function lieIn(reply: Reply, random: Random): Lie | undefined {
  let answer = decode(reply)
  let { frame } = reply
  const changes: string[] = []
  for (let left = random.chance(0.7) ? 1 : random.int(2, 4); left > 0; left--) {
    const root = new Field()
    root.visit(answer)
    const fields = [...root]
    for (let tries = 0; tries < TRIES; tries++) {
      // Some fields are there once, others a hundred times: each has the same chance.
      const change = changeOne(random.pick(random.pick(fields).places), fields, frame.length, random)
      if (change === undefined) continue
      const lie = change.apply()
      const tried = encodedTruly(reply, answer)
      if (tried === undefined || tried.equals(frame)) {
        change.undo()
        continue
      }
      frame = tried
      // Elements that were repeated are one object no more.
      answer = decode({ ...reply, frame })
      changes.push(lie)
      break
    }
  }
  return changes.length === 0 ? undefined : { answer, frame, changes }
}

/** The frame, if it holds the answer, and is not too long. */
function encodedTruly(reply: Reply, answer: unknown): Buffer | undefined {
  try {
    const frame = encodedAnew(reply, answer)
    if (frame.length > MOST_BYTES) return undefined
    // Written without an error, what a field can't hold is read as something else.
    return encodedAnew(reply, decode({ ...reply, frame })).equals(frame) ? frame : undefined
  } catch {
    return undefined
  }
}

/** Fields by name, each with its values; those of all elements of an array together. */
class Field {
  readonly places: Place[] = []
  readonly #inner = new Map<string, Field>()

  /** Takes in a value, and what is in it. */
  visit(value: unknown, within?: Place): void {
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return
    const holder = value as Record<string, unknown>
    for (const key in holder) {
      const place = { within, holder, key, value: holder[key] }
      const field = this.#field(Array.isArray(holder) ? '[]' : key)
      if (!isObject(place.value)) field.places.push(place)
      field.visit(place.value, place)
    }
  }

  /** Every field within this one that holds more than the fields within it. */
  *[Symbol.iterator](): Iterator<Field> {
    if (this.places.length > 0) yield this
    for (const field of this.#inner.values()) yield* field
  }

  #field(name: string): Field {
    let field = this.#inner.get(name)
    if (field === undefined) {
      field = new Field()
      this.#inner.set(name, field)
    }
    return field
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && !Array.isArray(value)
}

function pathOf({ within, key }: Place): string {
  return within === undefined ? key : `${pathOf(within)}.${key}`
}

interface Change {
  /** Gives what was changed. */
  apply(): string
  undo(): void
}

function changeOne(place: Place, fields: readonly Field[], bytes: number, random: Random): Change | undefined {
  const { value } = place
  const lie = another(value, fields, bytes, random)
  if (lie === value) return undefined
  // A node that is called by another id in all places where it is named is a different lie than one in one place.
  const everywhere = !Array.isArray(value) && random.chance(0.25)
  const targets = everywhere ? fields.flatMap(({ places }) => places.filter(other => other.value === value)) : [place]
  if (typeof lie === 'string' && lie.length * targets.length > MOST_BYTES) return undefined
  return {
    apply: () => {
      for (const { holder, key } of targets) holder[key] = lie
      const where = targets.length === 1 ? pathOf(place) : `${pathOf(place)} and ${targets.length - 1} more places`
      return `${where}: ${show(value)} → ${show(lie)}`
    },
    undo: () => {
      for (const { holder, key } of targets) holder[key] = value
    },
  }
}

const INT_LIES = [0, -1, 1, 2, 3, -2, -5, 77, 1000, 32_767, -32_768, 65_536, 70_000, 2 ** 31 - 1, -(2 ** 31)]
const CODES = [...brokerErrors.map(({ code }) => code), -2, 134, 200, 32_767, -32_768]
const BIGINT_LIES = [0n, -1n, 1n, 2n, 1000n, -5n, 2n ** 31n, 2n ** 63n - 1n, -(2n ** 63n)]
const STRING_LIES = [
  '',
  'x'.repeat(30_000),
  '\u001b[2J\u0000\r\n\u0085',
  '\u202eabc\u2028',
  '.',
  'localhost',
  '127.0.0.1',
  '::1',
]

function another(value: unknown, fields: readonly Field[], bytes: number, random: Random): unknown {
  if (Array.isArray(value)) return anotherArray(value, bytes, random)
  if (Buffer.isBuffer(value)) return anotherBuffer(value, random)
  if (random.chance(0.15)) {
    // What another field has, if it is of the same type.
    const other = random.pick(random.pick(fields).places).value
    if (typeof other === typeof value) return other
  }
  switch (typeof value) {
    case 'number':
      if (random.chance(0.3)) return random.pick(CODES)
      return random.chance(0.2) ? value + random.pick([1, -1]) : random.pick(INT_LIES)
    case 'bigint':
      return random.chance(0.2) ? value + random.pick([1n, -1n]) : random.pick(BIGINT_LIES)
    case 'boolean':
      return !value
    case 'string':
      return random.chance(0.15) ? null : random.chance(0.15) ? `${value}x` : random.pick(STRING_LIES)
    default:
      // null, where there could be a text.
      return random.pick(STRING_LIES)
  }
}

/** @param bytes what the whole answer takes: it would become too long by more elements than that allows. */
function anotherArray(value: readonly unknown[], bytes: number, random: Random): unknown {
  const at = random.int(0, Math.max(0, value.length - 1))
  switch (random.int(0, 6)) {
    case 0:
      return []
    case 1:
      return null
    case 2:
      return value.toSpliced(at, 1)
    case 3:
      return value.length === 0 ? value : [...value, value[at]]
    case 4:
      return value.toReversed()
    case 5:
      return [...value, ...value]
    default: {
      if (value.length === 0) return value
      const length = Math.floor(random.pick([10, 100, MOST_BYTES / bytes]))
      const vary = random.chance(0.5) ? varied : (one: unknown): unknown => one
      return Array.from({ length }, (_, i) => vary(value[i % value.length], i))
    }
  }
}

/** Another one of its kind: another node, or partition, or topic. */
function varied(value: unknown, by: number): unknown {
  if (typeof value === 'number') return value + by
  if (typeof value === 'bigint') return value + BigInt(by)
  if (typeof value === 'string') return by === 0 ? value : `${value}${by}`
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value as object).map(([key, inner]) => [key, varied(inner, by)]))
}

function anotherBuffer(value: Buffer, random: Random): Buffer {
  switch (random.int(0, 4)) {
    case 0:
      return Buffer.alloc(0)
    case 1:
      return Buffer.alloc(value.length)
    case 2:
      return Buffer.from(Array.from({ length: random.pick([value.length, 1, 1000]) }, () => random.int(0, 255)))
    case 3:
      // A number in what is a text to those who look inside.
      return Buffer.from(
        value.toString('latin1').replace(/\d+(?!.*\d)/s, () => String(random.pick(INT_LIES))),
        'latin1',
      )
    default:
      return Buffer.concat([value, value])
  }
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 1, maxArrayLength: 2, maxStringLength: 60, compact: true, breakLength: 1_000 })
  return Array.isArray(value) ? `${value.length} × ${text.slice(0, 100)}` : text
}
