import { MalformedMessageError } from '../../errors.js'

const NO_TAG = -1

/**
 * Reads what {@link Writer} writes. Every length is checked against the bytes that are really there before anything
 * is allocated, so a hostile reply can waste no memory: it ends in a {@link MalformedMessageError}.
 *
 * Byte fields are views of the message, not copies.
 */
export class Reader {
  readonly flexible: boolean
  readonly #buffer: Buffer
  #position: number

  constructor(bytes: Uint8Array, flexible = false, position = 0) {
    this.flexible = flexible
    this.#buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#position = position
  }

  get position(): number {
    return this.#position
  }

  get remaining(): number {
    return this.#buffer.length - this.#position
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  uint32(): number {
    return this.#buffer.readUInt32BE(this.#take(4))
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#take(8))
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new MalformedMessageError(`the unsigned varint that ends at offset ${this.#position} has more than 5 bytes`)
  }

  varint(): number {
    const value = this.unsignedVarint()
    return (value >>> 1) ^ -(value & 1)
  }

  varlong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#buffer[this.#take(1)]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw new MalformedMessageError(`the varlong that ends at offset ${this.#position} has more than 10 bytes`)
  }

  uuid(): Buffer {
    return this.raw(16)
  }

  string(): string {
    const value = this.nullableString()
    if (value === null) throw this.#unexpectedNull('STRING')
    return value
  }

  nullableString(): string | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int16()
    if (length < 0) return this.#null(length, 'STRING')
    const start = this.#take(length)
    return this.#buffer.toString('utf8', start, start + length)
  }

  bytes(): Buffer {
    const value = this.nullableBytes()
    if (value === null) throw this.#unexpectedNull('BYTES')
    return value
  }

  nullableBytes(): Buffer | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    return length < 0 ? this.#null(length, 'BYTES') : this.raw(length)
  }

  /** @param most how many elements there can be at most, if that is known: elements cost more memory than their bytes do. */
  array<T>(read: () => T, most: number = Number.POSITIVE_INFINITY): T[] {
    const items = this.nullableArray(read, most)
    if (items === null) throw this.#unexpectedNull('ARRAY')
    return items
  }

  nullableArray<T>(read: () => T, most: number = Number.POSITIVE_INFINITY): T[] | null {
    const length = this.#arrayLength()
    if (length === null) return null
    if (length > most) {
      throw new MalformedMessageError(
        `an ARRAY announces ${length} elements at offset ${this.#position}, but there are ${most} at most`,
      )
    }
    const items: T[] = []
    for (let i = 0; i < length; i++) items.push(read())
    return items
  }

  /** An ARRAY of structs: each ends in a tag section. */
  structs<T>(read: () => T, most?: number): T[] {
    return this.array(() => {
      const struct = read()
      this.tags()
      return struct
    }, most)
  }

  /** Skips an ARRAY of INT32. */
  skipInt32Array(): void {
    const length = this.#arrayLength()
    if (length === null) throw this.#unexpectedNull('ARRAY')
    this.#take(4 * length)
  }

  /** Skips what is left. */
  skipRest(): void {
    this.#position = this.#buffer.length
  }

  /** Skips a tag section (KIP-482), where the message is flexible: tags that are not known carry nothing that is needed. */
  tags(): this {
    this.taggedField(NO_TAG)
    return this
  }

  /** Reads a tag section, where the message is flexible, and returns a reader of the field with this tag, if it is there. */
  taggedField(tag: number): Reader | undefined {
    if (!this.flexible) return undefined
    let field: Reader | undefined
    for (let count = this.unsignedVarint(); count > 0; count--) {
      const found = this.unsignedVarint()
      const bytes = this.raw(this.unsignedVarint())
      if (found === tag) field = new Reader(bytes, true)
    }
    return field
  }

  /** The next `length` bytes as they are, as a view. */
  raw(length: number): Buffer {
    const start = this.#take(length)
    return this.#buffer.subarray(start, start + length)
  }

  #arrayLength(): number | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    if (length < 0) return this.#null(length, 'ARRAY')
    // An element takes at least one byte: a greater length is refused before it costs anything.
    if (length > this.remaining) {
      throw new MalformedMessageError(
        `an ARRAY announces ${length} elements at offset ${this.#position}, but only ${this.remaining} bytes follow`,
      )
    }
    return length
  }

  #unexpectedNull(type: string): MalformedMessageError {
    return new MalformedMessageError(`${withArticle(type)} before offset ${this.#position} is null, and may not be`)
  }

  #null(length: number, type: string): null {
    if (length === -1) return null
    throw new MalformedMessageError(`the length of ${withArticle(type)} before offset ${this.#position} is ${length}`)
  }

  #take(bytes: number): number {
    const start = this.#position
    if (bytes < 0) throw new MalformedMessageError(`the length of a field before offset ${start} is ${bytes}`)
    if (bytes > this.#buffer.length - start) {
      throw new MalformedMessageError(
        `the field at offset ${start} is cut off: its size is ${bytes}, of which ${this.remaining} arrived`,
      )
    }
    this.#position = start + bytes
    return start
  }
}

function withArticle(type: string): string {
  return type === 'ARRAY' ? 'an ARRAY' : `a ${type}`
}
