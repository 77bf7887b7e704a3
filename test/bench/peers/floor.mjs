/**
 * What no producer in JavaScript can go below: every record is encoded from a string, every batch gets its CRC and is written
 * to a socket. Nothing is checked, chosen, kept or retried; answers are counted by their bytes. Lengths and headers that a
 * real producer would compute are known beforehand.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { crc32c } from '@node-rs/crc32'
import { program, recordsPerBatch, settings, values } from './program.mjs'

const { brokers, topic, records, batchBytes, partitions, size } = settings
const IN_FLIGHT = 4
const BATCH_HEADER = 61
const ATTRIBUTES = 21

const int16 = n => Buffer.from([n >> 8, n & 0xff])
const int32 = n => Buffer.from([n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff])
const string = text => Buffer.concat([int16(text.length), Buffer.from(text)])

/** Produce version 7: what stands before the batch. The size, the partition and the batch's size are written for each. */
const head = Buffer.concat([
  ...[int32(0), int16(0), int16(7), int32(0), string('floor'), int16(-1), int16(-1), int32(30_000)],
  ...[int32(1), string(topic), int32(1), int32(0), int32(0)],
])
const PARTITION = head.length - 8
const RECORDS_SIZE = head.length - 4
/** Size, correlation id, one topic with one partition, throttle time. */
const ANSWER = 4 + 4 + 4 + 2 + topic.length + 4 + (4 + 2 + 8 + 8 + 8) + 4

/** A request in the making. It is written again when the answers of those in flight are there. */
const requests = Array.from({ length: IN_FLIGHT + 1 }, () => {
  const bytes = Buffer.alloc(head.length + BATCH_HEADER + batchBytes)
  head.copy(bytes)
  const batch = bytes.subarray(head.length)
  // Magic, producer id; time stamps and epoch stay 0.
  batch[16] = 2
  batch.writeUInt32BE(0x7ffffff0, 47)
  return { bytes, batch }
})
const sequences = new Array(partitions).fill(0)

/** A varint of two bytes holds this length, in zigzag form. */
const short = size < 8192 - 10

function fill({ bytes, batch }, partition, count) {
  let at = BATCH_HEADER
  for (let i = 0; i < count; i++) {
    // Attributes, time stamp, offset, key length, value length with its own length, header count.
    const length = 1 + 1 + (i < 64 ? 1 : i < 8192 ? 2 : 3) + 1 + (size < 64 ? 1 : short ? 2 : 3) + size + 1
    at = varint(batch, at, length)
    batch[at++] = 0
    batch[at++] = 0
    at = varint(batch, at, i)
    batch[at++] = 1
    at = varint(batch, at, size)
    at += batch.latin1Write(values[0], at)
    batch[at++] = 0
  }
  bytes.writeInt32BE(head.length + at - 4, 0)
  bytes.writeInt32BE(partition, PARTITION)
  bytes.writeInt32BE(at, RECORDS_SIZE)
  batch.writeInt32BE(at - 12, 8)
  batch.writeInt32BE(count - 1, 23)
  batch.writeInt32BE(sequences[partition], 53)
  batch.writeInt32BE(count, 57)
  sequences[partition] += count
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES, at)), 17)
  return bytes.subarray(0, head.length + at)
}

function varint(bytes, at, n) {
  let rest = n * 2
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

await program(`Produce version 7, ${IN_FLIGHT} requests in flight, ${recordsPerBatch} records each`, async () => {
  const [host, port] = brokers[0].split(':')
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  let left = records
  let sent = 0
  let answered = 0
  const { promise, resolve } = withResolvers()
  const write = () => {
    while (left > 0 && sent - answered / ANSWER < IN_FLIGHT) {
      const count = Math.min(left, recordsPerBatch)
      socket.write(fill(requests[sent % requests.length], sent % partitions, count))
      left -= count
      sent++
    }
    if (answered / ANSWER === sent) resolve()
  }
  socket.on('data', ({ length }) => {
    answered += length
    write()
  })
  write()
  await promise
  socket.destroy()
})

/** Node 20 has no Promise.withResolvers. */
function withResolvers() {
  let resolve
  const promise = new Promise(done => {
    resolve = done
  })
  return { promise, resolve }
}
