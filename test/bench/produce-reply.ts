/** The answer to a produce request, written while the request is read: every partition is stored. */
import { produce } from '../../src/protocol/messages/produce.js'

/** What one partition takes in its longest form. */
const PARTITION = 48

export class ProduceReply {
  #bytes: Buffer = Buffer.alloc(0)
  #position = 0
  #version = 0
  #flexible = false
  /** A topic has begun, whose tags stand behind its last partition. */
  #begun = false

  begin(version: number, correlationId: number, topics: number): void {
    this.#version = version
    this.#flexible = version >= produce.firstFlexibleVersion
    this.#begun = false
    this.#bytes = Buffer.allocUnsafe(256)
    // Behind the size.
    this.#position = 4
    this.#int32(correlationId)
    this.#tags()
    this.#arrayLength(topics)
  }

  topic(name: Buffer, partitions: number): void {
    this.#reserve(name.length + 16)
    if (this.#begun) this.#tags()
    this.#begun = true
    if (this.#flexible) this.#uvarint(name.length + 1)
    else this.#int16(name.length)
    this.#position += name.copy(this.#bytes, this.#position)
    this.#arrayLength(partitions)
  }

  partition(index: number, baseOffset: number): void {
    this.#reserve(PARTITION)
    this.#int32(index)
    this.#int16(0)
    this.#int64(baseOffset)
    // The topic keeps the producer's timestamps.
    this.#int64(-1)
    if (this.#version >= 5) this.#int64(0)
    if (this.#version >= 8) {
      this.#arrayLength(0)
      if (this.#flexible) this.#uvarint(0)
      else this.#int16(-1)
    }
    this.#tags()
  }

  /** @returns the whole frame. */
  end(): Buffer {
    this.#reserve(6)
    this.#tags()
    this.#int32(0)
    this.#tags()
    this.#bytes.writeInt32BE(this.#position - 4, 0)
    return this.#bytes.subarray(0, this.#position)
  }

  #reserve(bytes: number): void {
    if (this.#position + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#position + bytes))
    this.#bytes.copy(larger, 0, 0, this.#position)
    this.#bytes = larger
  }

  #int16(value: number): void {
    this.#position = this.#bytes.writeInt16BE(value, this.#position)
  }

  #int32(value: number): void {
    this.#position = this.#bytes.writeInt32BE(value, this.#position)
  }

  #int64(value: number): void {
    this.#int32(Math.floor(value / 2 ** 32))
    this.#position = this.#bytes.writeUInt32BE(value >>> 0, this.#position)
  }

  #uvarint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#position++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#position++] = rest
  }

  #arrayLength(length: number): void {
    if (this.#flexible) this.#uvarint(length + 1)
    else this.#int32(length)
  }

  #tags(): void {
    if (this.#flexible) this.#bytes[this.#position++] = 0
  }
}
