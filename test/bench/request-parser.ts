/** Reads what clients send to a broker as a stream: headers are looked at, the bytes of records are stepped over. */
import { produce } from '../../src/protocol/messages/produce.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'

export interface RequestHandler {
  /** A request of any other API, whole, without its size. The bytes are lent: they change after the call. */
  other(message: Buffer): void
  /** The beginning of a produce request. */
  produceBegins(version: number, correlationId: number, acks: number, topics: number): void
  /** The name's bytes are lent. */
  topic(name: Buffer, partitions: number): void
  /** The header of a record batch stands in `bytes` from `offset` on, and is lent; its records have not come yet. */
  batch(partition: number, bytes: Buffer, offset: number, size: number): void
  /** The last byte of a produce request has come. */
  produceEnds(): void
}

/** What is read next. Each is a few bytes that are taken together, or a stretch that is skipped. */
type State = 'request' | 'topic' | 'partition' | 'records' | 'tags'

/** No unit but a whole small request is longer. */
const LARGEST = 1 << 24

/**
 * Requests of one connection. A unit that is cut by the end of a chunk is kept, and joined with as many bytes of the next
 * chunk as it takes; nothing else is copied. Both forms of Produce are read, classic and flexible (from version 9 on).
 */
export class RequestParser {
  readonly #handler: RequestHandler
  #state: State = 'request'
  /** The beginning of a unit that was cut. */
  #kept: Buffer = Buffer.allocUnsafe(4096)
  #keptBytes = 0
  /** Bytes of the request that have not been read, to see that it has the length that it says. */
  #left = 0
  #skip = 0
  #flexible = false
  #topics = 0
  #partitions = 0
  /** The cursor of the unit that is read. */
  #bytes: Buffer = this.#kept
  #position = 0
  #end = 0
  /** The unit goes on behind the end. */
  #short = false

  constructor(handler: RequestHandler) {
    this.#handler = handler
  }

  /** @param chunk is not needed after the call. */
  push(chunk: Buffer): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#state === 'records') {
        const step = Math.min(this.#skip, chunk.length - position)
        position += step
        this.#left -= step
        this.#skip -= step
        if (this.#skip === 0) this.#recordsEnd()
      } else if (this.#keptBytes > 0) {
        position += this.#joinKept(chunk, position)
      } else {
        const step = this.#unit(chunk, position, chunk.length)
        if (step === 0) {
          this.#keep(chunk, position, chunk.length)
          return
        }
        position += step
      }
    }
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const size = this.#keptBytes + to - from
    if (size > LARGEST) throw new Error(`a header of more than ${LARGEST} bytes`)
    if (size > this.#kept.length) {
      const larger = Buffer.allocUnsafe(2 * size)
      this.#kept.copy(larger, 0, 0, this.#keptBytes)
      this.#kept = larger
    }
    chunk.copy(this.#kept, this.#keptBytes, from, to)
    this.#keptBytes = size
  }

  /** @returns how many bytes of the chunk were used. */
  #joinKept(chunk: Buffer, position: number): number {
    const before = this.#keptBytes
    const added = Math.min(chunk.length - position, Math.max(before, 512))
    this.#keep(chunk, position, position + added)
    const step = this.#unit(this.#kept, 0, this.#keptBytes)
    if (step === 0) return added
    this.#keptBytes = 0
    // The unit was not complete before, so it ends in the chunk.
    return step - before
  }

  /** @returns the length of the unit, 0 when it is not all there. */
  #unit(bytes: Buffer, position: number, end: number): number {
    this.#bytes = bytes
    this.#position = position
    this.#end = end
    this.#short = false
    if (this.#state === 'request') return this.#request(position)
    if (this.#state === 'topic') return this.#topic(position)
    if (this.#state === 'partition') return this.#partition(position)
    return this.#tags(position)
  }

  #request(start: number): number {
    const size = this.#int32()
    const key = this.#int16()
    const version = this.#int16()
    if (this.#short) return 0
    if (key !== produce.key) {
      const end = start + 4 + size
      if (end > this.#end) return 0
      this.#handler.other(this.#bytes.subarray(start + 4, end))
      return 4 + size
    }
    const correlationId = this.#int32()
    this.#flexible = version >= produce.firstFlexibleVersion
    // The client id is a classic string in every version.
    this.#step(Math.max(this.#int16(), 0))
    if (this.#flexible) this.#tagSection()
    this.#step(Math.max(this.#stringLength(), 0))
    const acks = this.#int16()
    this.#int32()
    this.#topics = this.#arrayLength()
    if (this.#short) return 0
    if (version < produce.minVersion || version > produce.maxVersion) throw new Error(`Produce version ${version}`)
    if (this.#topics < 1) throw new Error('a produce request without topics')
    this.#left = size + 4 - (this.#position - start)
    this.#handler.produceBegins(version, correlationId, acks, this.#topics)
    this.#state = 'topic'
    return this.#position - start
  }

  #topic(start: number): number {
    const length = this.#stringLength()
    const nameAt = this.#position
    this.#step(length)
    const partitions = this.#arrayLength()
    if (this.#short) return 0
    if (length < 1 || partitions < 1) throw new Error('a topic without name or partitions')
    this.#handler.topic(this.#bytes.subarray(nameAt, nameAt + length), partitions)
    this.#partitions = partitions
    this.#state = 'partition'
    return this.#took(start)
  }

  #partition(start: number): number {
    const index = this.#int32()
    const size = this.#flexible ? this.#uvarint() - 1 : this.#int32()
    const header = this.#position
    this.#step(BATCH_HEADER_SIZE)
    if (this.#short) return 0
    if (size <= BATCH_HEADER_SIZE) throw new Error(`a batch of ${size} bytes`)
    this.#handler.batch(index, this.#bytes, header, size)
    this.#skip = size - BATCH_HEADER_SIZE
    this.#state = 'records'
    return this.#took(start)
  }

  /** What stands behind a partition: its tags, and those of its topic and of the request if it is the last of them. */
  #tags(start: number): number {
    this.#tagSection()
    if (this.#partitions === 1) this.#tagSection()
    if (this.#partitions === 1 && this.#topics === 1) this.#tagSection()
    if (this.#short) return 0
    const step = this.#took(start)
    this.#partitionEnds()
    return step
  }

  #recordsEnd(): void {
    if (this.#flexible) this.#state = 'tags'
    else this.#partitionEnds()
  }

  #partitionEnds(): void {
    if (--this.#partitions > 0) {
      this.#state = 'partition'
    } else if (--this.#topics > 0) {
      this.#state = 'topic'
    } else {
      if (this.#left !== 0) throw new Error(`a produce request is ${this.#left} bytes longer than what is in it`)
      this.#state = 'request'
      this.#handler.produceEnds()
    }
  }

  #took(start: number): number {
    const step = this.#position - start
    this.#left -= step
    return step
  }

  /** @returns where the bytes begin; 0 when they are not all there. */
  #step(length: number): number {
    const at = this.#position
    if (at + length > this.#end) {
      this.#short = true
      // The rest of the unit reads harmless bytes.
      return 0
    }
    this.#position = at + length
    return at
  }

  #int16(): number {
    const at = this.#step(2)
    return this.#short ? 0 : this.#bytes.readInt16BE(at)
  }

  #int32(): number {
    const at = this.#step(4)
    return this.#short ? 0 : this.#bytes.readInt32BE(at)
  }

  #uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const at = this.#step(1)
      if (this.#short) return 0
      const byte = this.#bytes[at]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    return value
  }

  /** -1 for null. */
  #stringLength(): number {
    return this.#flexible ? this.#uvarint() - 1 : this.#int16()
  }

  #arrayLength(): number {
    return this.#flexible ? this.#uvarint() - 1 : this.#int32()
  }

  #tagSection(): void {
    for (let tags = this.#uvarint(); tags > 0 && !this.#short; tags--) {
      this.#uvarint()
      this.#step(this.#uvarint())
    }
  }
}
