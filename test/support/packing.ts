import type { Batch } from '../../src/producer/model/batch.js'
import type { CodecName } from '../../src/protocol/compression/codec.js'
import { CODECS, NOT_COMPRESSED } from '../../src/protocol/compression/codecs.js'
import type { RecordBatchBuilder } from '../../src/protocol/records/record-batch-builder.js'

/** Packs batches as a topic without compression does. */
export const UNCOMPRESSED = {
  pack(batch: Batch): boolean {
    if (!batch.isPacked) batch.pack()
    return true
  },
}

/** Packs a batch with a codec, however large that makes it. */
export function packWith(codec: CodecName, batch: Batch): void {
  const { id, load, levels } = CODECS[codec]
  batch.pack(id, load().compressSync(batch.encodedRecords, levels?.usual ?? 0))
}

export function sealWith(codec: 'none' | CodecName, builder: RecordBatchBuilder): void {
  if (codec === 'none') {
    builder.seal(NOT_COMPRESSED)
    return
  }
  const { id, load, levels } = CODECS[codec]
  builder.seal(id, load().compressSync(builder.records, levels?.usual ?? 0))
}
