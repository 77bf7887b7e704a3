import { types } from 'node:util'

/** Objects and arrays that are looked into, and entries that are shown of each: a log line is not to hold a whole server. */
const MAX_OBJECTS = 200
const MAX_ENTRIES = 200

/** Bytes that are shown of a Buffer. */
const MAX_BYTES = 1_024

const CIRCULAR = '[Circular]'
const UNREADABLE = '[Unreadable]'
const MORE = '[…]'

/** What is told of an error, where it has it: `message` and `cause` are not enumerable, so JSON leaves them out. */
const ERROR_FIELDS = [
  'name',
  'message',
  'code',
  'codeName',
  'retriable',
  'persisted',
  'topic',
  'partition',
  'errors',
  'cause',
] as const

/**
 * Returns what `JSON.stringify` makes of a value, as far as that is possible, and never throws: it is what acks, events and
 * errors give from `toJSON()`, whatever a user's record, metadata or error holds.
 *
 * - A bigint becomes a string of its digits.
 * - Bytes become base64 text; of more than 1024 only those, with `… (n bytes)` behind.
 * - An error becomes its name, message, code, codeName, retriable, persisted, errors and cause, whichever it has.
 * - A Map and a Set become arrays.
 * - `[Circular]` stands for an object inside itself, `[Unreadable]` for a getter, proxy or `toJSON()` that throws, and `[…]` for
 *   what is left out beyond 200 entries of an object, or beyond 200 objects. Strings stay whole.
 */
export function toPlain(value: unknown): unknown {
  return new Walk().plain(value)
}

/** Whether it is an error, also one of another realm (node:vm). */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}

class Walk {
  /** The objects that the value at hand is inside of. */
  readonly #path = new Set<object>()
  #objects = 0

  /** @param fromToJSON it came of a `toJSON()`: as with JSON.stringify, its own is not called. */
  plain(value: unknown, fromToJSON = false): unknown {
    if (typeof value === 'bigint') return String(value)
    // JSON has none; and a toJSON() that stayed would be called again.
    if (typeof value === 'function') return undefined
    if (typeof value !== 'object' || value === null) return value
    if (this.#path.has(value)) return CIRCULAR
    this.#path.add(value)
    try {
      if (ArrayBuffer.isView(value)) return base64(value)
      return ++this.#objects > MAX_OBJECTS ? MORE : this.#object(value, fromToJSON)
    } catch {
      return UNREADABLE
    } finally {
      this.#path.delete(value)
    }
  }

  #object(value: object, fromToJSON: boolean): unknown {
    if (isError(value)) return this.#fields(value, ERROR_FIELDS)
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function' && !fromToJSON) {
      const json: unknown = toJSON.call(value, '')
      if (json !== value) return this.plain(json, true)
    }
    if (value instanceof Map || value instanceof Set) return this.#items([...value])
    return Array.isArray(value) ? this.#items(value) : this.#fields(value, Object.keys(value))
  }

  #items(items: readonly unknown[]): unknown[] {
    const plain: unknown[] = []
    for (let i = 0; i < items.length && i < MAX_ENTRIES; i++) plain.push(this.#read(items, i))
    if (items.length > MAX_ENTRIES) plain.push(MORE)
    return plain
  }

  #fields(value: object, names: readonly string[]): object {
    const fields = names.slice(0, MAX_ENTRIES).map(name => [name, this.#read(value, name)] as const)
    if (names.length > MAX_ENTRIES) fields.push([MORE, names.length - MAX_ENTRIES])
    // Not by assignment, which would take `__proto__` for the prototype.
    return Object.fromEntries(fields)
  }

  #read(object: object, key: string | number): unknown {
    let value: unknown
    try {
      value = (object as Record<string | number, unknown>)[key]
    } catch {
      return UNREADABLE
    }
    return this.plain(value)
  }
}

function base64({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const text = Buffer.from(buffer, byteOffset, Math.min(byteLength, MAX_BYTES)).toString('base64')
  return byteLength > MAX_BYTES ? `${text}… (${byteLength} bytes)` : text
}
