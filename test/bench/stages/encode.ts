import { crc32c } from '../../../src/protocol/records/crc32c.js'
import { RecordBatchBuilder, RecordLengths } from '../../../src/protocol/records/record-batch-builder.js'
import type { Stage } from '../measure.js'

const BATCH_SIZE = 262_144
const IDENTITY = { producerId: 1n, producerEpoch: 0 }
const NOW = 1_700_000_000_000

/** From a record's value to the bytes of its batch: measured, appended, sealed, and stamped with a CRC over all of it. */
export function encoding(size: number): Stage[] {
  const value = 'x'.repeat(size)
  const memory = Buffer.alloc(BATCH_SIZE)
  const lengths = new RecordLengths()
  lengths.measure(undefined, value, undefined)

  const fill = (builder: RecordBatchBuilder): number => {
    let count = 0
    for (; builder.size + lengths.max <= BATCH_SIZE; count++) {
      builder.append(undefined, value, undefined, NOW + count, lengths)
    }
    return count
  }
  const full = new RecordBatchBuilder(memory)
  const count = fill(full)
  full.seal()
  const bytes = Buffer.from(full.stamp(IDENTITY, 0))

  return [
    {
      name: `lengths, ${size} B`,
      unit: 'record',
      count: 50_000,
      run() {
        for (let i = 0; i < 50_000; i++) lengths.measure(undefined, value, undefined)
      },
    },
    {
      name: `append, ${size} B`,
      unit: 'record',
      count: count * 4,
      run() {
        for (let i = 0; i < 4; i++) fill(new RecordBatchBuilder(memory))
      },
    },
    {
      name: `CRC of a full batch, ${size} B`,
      unit: 'record',
      count: count * 32,
      // Native code at the limit of the core: it halves when the core's other thread is busy, and calibration does not.
      bound: 4,
      run() {
        for (let i = 0; i < 32; i++) crc32c(bytes)
      },
    },
    {
      name: `encode: all of these, seal, stamp, ${size} B`,
      unit: 'record',
      count: count * 4,
      run() {
        for (let i = 0; i < 4; i++) {
          const builder = new RecordBatchBuilder(memory)
          for (let at = NOW; ; at++) {
            lengths.measure(undefined, value, undefined)
            if (builder.size + lengths.max > BATCH_SIZE) break
            builder.append(undefined, value, undefined, at, lengths)
          }
          builder.seal()
          builder.stamp(IDENTITY, 0)
        }
      },
    },
  ]
}

/** What a batch costs however few records it has. */
export function sealing(): Stage {
  const memory = Buffer.alloc(512)
  const lengths = new RecordLengths()
  lengths.measure(undefined, 'x', undefined)
  return {
    name: 'open, seal, stamp: a batch of one byte',
    unit: 'batch',
    count: 5_000,
    run() {
      for (let i = 0; i < 5_000; i++) {
        const builder = new RecordBatchBuilder(memory)
        builder.append(undefined, 'x', undefined, NOW, lengths)
        builder.seal()
        builder.stamp(IDENTITY, i)
      }
    },
  }
}
