/** What was sent to one partition since it was first used. Kept by the partition, for its metrics. */
export class PartitionTotals {
  /** Batches, records and bytes of requests, and the bytes before compression; a retry counts again. */
  batches = 0
  records = 0
  bytes = 0
  uncompressedBytes = 0
  /** Batches that were sent for the first time, and how long they had waited, in ms. */
  firstSends = 0
  queueTimeMs = 0
}
