/** A batch as Kafka's DumpLogSegments tells of it. */
export interface DumpedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly count: number
  readonly baseSequence: number
  readonly lastSequence: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly compresscodec: string
  readonly isvalid: boolean
  readonly isTransactional: boolean
  /** Of a control batch that ends a transaction: COMMIT or ABORT. Needs the tool's option `--deep-iteration`. */
  readonly marker?: string
}

/** What DumpLogSegments prints of segments, by partition. Segments of one partition must be given in order. */
export function parseDump(text: string): Map<number, DumpedBatch[]> {
  const logs = new Map<number, DumpedBatch[]>()
  let log: DumpedBatch[] = []
  for (const line of text.split('\n')) {
    const partition = /^Dumping .*-(\d+)\/\d+\.log$/.exec(line)?.[1]
    if (partition !== undefined) {
      log = logs.get(Number(partition)) ?? []
      logs.set(Number(partition), log)
    } else if (line.startsWith('baseOffset:')) log.push(parseBatch(line))
    const marker = /\bendTxnMarker: (\S+)/.exec(line)?.[1]
    if (marker !== undefined) log.push({ ...log.pop()!, marker })
  }
  return logs
}

function parseBatch(line: string): DumpedBatch {
  const field = (name: string): string => new RegExp(`\\b${name}: (\\S+)`).exec(line)?.[1] ?? ''
  return {
    baseOffset: Number(field('baseOffset')),
    lastOffset: Number(field('lastOffset')),
    count: Number(field('count')),
    baseSequence: Number(field('baseSequence')),
    lastSequence: Number(field('lastSequence')),
    producerId: Number(field('producerId')),
    producerEpoch: Number(field('producerEpoch')),
    compresscodec: field('compresscodec'),
    isvalid: field('isvalid') === 'true',
    isTransactional: field('isTransactional') === 'true',
  }
}

/**
 * Everything that is wrong with a partition's log of one producer: an offset, a sequence or a CRC that does not fit.
 *
 * @param begins whether the log has all that was ever written to the partition, so that sequences begin at 0.
 */
export function sequenceFaults(log: readonly DumpedBatch[], begins = true): string[] {
  const faults: string[] = []
  let before: DumpedBatch | undefined
  for (const batch of log) {
    const at = `offset ${batch.baseOffset}`
    if (!batch.isvalid) faults.push(`${at}: the CRC is wrong`)
    if (batch.lastOffset - batch.baseOffset + 1 !== batch.count)
      faults.push(`${at}: ${batch.count} records, to ${batch.lastOffset}`)
    if (batch.lastSequence !== (batch.baseSequence + batch.count - 1) % 2 ** 31)
      faults.push(`${at}: sequences ${batch.baseSequence} to ${batch.lastSequence}`)
    if (before !== undefined && batch.baseOffset !== before.lastOffset + 1)
      faults.push(`${at} follows ${before.lastOffset}`)
    if (before !== undefined && batch.producerId !== before.producerId)
      faults.push(`${at}: producer ${batch.producerId} follows ${before.producerId}`)
    if (before !== undefined && batch.producerEpoch < before.producerEpoch)
      faults.push(`${at}: epoch ${batch.producerEpoch} follows ${before.producerEpoch}`)
    const continues = before !== undefined && batch.producerEpoch === before.producerEpoch
    const expected = continues
      ? (before!.lastSequence + 1) % 2 ** 31
      : before === undefined && !begins
        ? batch.baseSequence
        : 0
    if (batch.baseSequence !== expected) faults.push(`${at}: sequence ${batch.baseSequence}, not ${expected}`)
    before = batch
  }
  return faults
}
