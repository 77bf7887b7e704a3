/** A field of a tag section. */
export interface TaggedField {
  readonly tag: number
  readonly write: (writer: Writer) => void
}

const NO_FIELDS: readonly TaggedField[] = []

/**
 * Writes Kafka's primitive types, in their classic and in their flexible (KIP-482) form.
 *
 * One codec serves both forms: the writer knows whether the message is flexible, so `string()` writes a
 * STRING or a COMPACT_STRING, `array()` an ARRAY or a COMPACT_ARRAY, and `tags()` an empty tag section or nothing.
 *
 * Large byte fields are not copied: `records()` keeps the caller's bytes by reference and `chunks()` hands out
 * the pieces in order, ready for one vectored socket write.
 */
export class Writer {
  readonly flexible: boolean
  #buffer: Buffer
  #position = 0
  /** Where the bytes that are not yet in `#done` begin. */
  #start = 0
  #done: Uint8Array[] = []
  #doneBytes = 0

  constructor(flexible = false, initialCapacity = 256) {
    this.flexible = flexible
    this.#buffer = Buffer.allocUnsafe(initialCapacity)
  }

  /** Bytes written so far, referenced ones included. */
  get size(): number {
    return this.#doneBytes + this.#position - this.#start
  }

  int8(value: number): this {
    this.#position = this.#room(1).writeInt8(value, this.#position)
    return this
  }

  int16(value: number): this {
    this.#position = this.#room(2).writeInt16BE(value, this.#position)
    return this
  }

  int32(value: number): this {
    this.#position = this.#room(4).writeInt32BE(value, this.#position)
    return this
  }

  uint32(value: number): this {
    this.#position = this.#room(4).writeUInt32BE(value, this.#position)
    return this
  }

  int64(value: bigint): this {
    this.#position = this.#room(8).writeBigInt64BE(value, this.#position)
    return this
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  /** UNSIGNED_VARINT, KIP-482: seven bits a byte, least significant group first. */
  unsignedVarint(value: number): this {
    const buffer = this.#room(5)
    let rest = value >>> 0
    while (rest > 0x7f) {
      buffer[this.#position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[this.#position++] = rest
    return this
  }

  /** VARINT: a 32-bit number, zigzag encoded. */
  varint(value: number): this {
    return this.unsignedVarint((value << 1) ^ (value >> 31))
  }

  /** VARLONG: a 64-bit number, zigzag encoded. */
  varlong(value: bigint): this {
    const buffer = this.#room(10)
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (rest > 0x7fn) {
      buffer[this.#position++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    buffer[this.#position++] = Number(rest)
    return this
  }

  /** UUID: sixteen bytes as they are. */
  uuid(value: Uint8Array): this {
    return this.raw(value)
  }

  string(value: string): this {
    const length = Buffer.byteLength(value)
    this.#shortLength(length)
    // Two steps: `+=` would read the position before `#room` moves it.
    const buffer = this.#room(length)
    this.#position += buffer.write(value, this.#position, length, 'utf8')
    return this
  }

  nullableString(value: string | null): this {
    if (value !== null) return this.string(value)
    return this.flexible ? this.unsignedVarint(0) : this.int16(-1)
  }

  bytes(value: Uint8Array): this {
    this.#longLength(value.length)
    return this.raw(value)
  }

  nullableBytes(value: Uint8Array | null): this {
    if (value !== null) return this.bytes(value)
    return this.flexible ? this.unsignedVarint(0) : this.int32(-1)
  }

  /** RECORDS: like BYTES, but the bytes are kept by reference and must not change until they are sent. */
  records(value: Uint8Array | null): this {
    if (value === null) return this.nullableBytes(null)
    this.#longLength(value.length)
    this.#cut()
    this.#done.push(value)
    this.#doneBytes += value.length
    return this
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.#longLength(items.length)
    for (const item of items) write(item)
    return this
  }

  /** An ARRAY of structs: each ends in a tag section, which is empty. */
  structs<T>(items: readonly T[], write: (item: T) => void): this {
    return this.array(items, item => {
      write(item)
      this.tags()
    })
  }

  nullableArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    if (items !== null) return this.array(items, write)
    return this.flexible ? this.unsignedVarint(0) : this.int32(-1)
  }

  /** A tag section (KIP-482), where the message is flexible: empty, or with these fields, in the order of their tags. */
  tags(fields: readonly TaggedField[] = NO_FIELDS): this {
    if (!this.flexible) return this
    this.unsignedVarint(fields.length)
    for (const { tag, write } of fields) {
      const field = new Writer(true)
      write(field)
      this.unsignedVarint(tag).unsignedVarint(field.size).raw(field.toBuffer())
    }
    return this
  }

  /** Bytes as they are, copied, without a length. */
  raw(value: Uint8Array): this {
    this.#room(value.length).set(value, this.#position)
    this.#position += value.length
    return this
  }

  /** Everything written, in order; what `records()` took is in it by reference. */
  chunks(): Uint8Array[] {
    this.#cut()
    return this.#done
  }

  /** Everything written as one buffer; copies when there is more than one chunk. */
  toBuffer(): Buffer {
    const chunks = this.chunks()
    const only = chunks[0]
    if (chunks.length === 1 && only !== undefined) return Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    return Buffer.concat(chunks)
  }

  #shortLength(length: number): void {
    if (this.flexible) this.unsignedVarint(length + 1)
    else if (length > 0x7fff) throw new RangeError(`a string of ${length} bytes does not fit a STRING (32767 at most)`)
    else this.int16(length)
  }

  #longLength(length: number): void {
    if (this.flexible) this.unsignedVarint(length + 1)
    else this.int32(length)
  }

  #cut(): void {
    if (this.#position === this.#start) return
    this.#done.push(this.#buffer.subarray(this.#start, this.#position))
    this.#doneBytes += this.#position - this.#start
    this.#start = this.#position
  }

  #room(bytes: number): Buffer {
    if (this.#position + bytes > this.#buffer.length) {
      const pending = this.#position - this.#start
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, pending + bytes + 64))
      this.#buffer.copy(grown, 0, this.#start, this.#position)
      this.#buffer = grown
      this.#start = 0
      this.#position = pending
    }
    return this.#buffer
  }
}
