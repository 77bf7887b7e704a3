import type { Phase } from '../model/partition.js'

/**
 * What a producer has done and holds now. Totals count from when the producer was made; rates are per second, and rates, averages, maxima
 * and percentiles describe the last 30 to 60 s. Times are in ms. A value is 0 while nothing was measured. The names are those of Java's
 * producer, where it has one: docs/metrics.md has the table.
 */
export interface ProducerMetrics {
  /** Records in requests; a retry counts again. */
  readonly recordSendTotal: number
  readonly recordSendRate: number
  /** Records that brokers have confirmed. */
  readonly recordAckTotal: number
  /** Records that failed. */
  readonly recordErrorTotal: number
  readonly recordErrorRate: number
  /** The same by the name of their error, such as `DeliveryTimeoutError`; a `BrokerError` by Kafka's name, such as `TOPIC_AUTHORIZATION_FAILED`. */
  readonly recordErrors: Readonly<Record<string, number>>
  /** Records that a request carried again. */
  readonly recordRetryTotal: number
  readonly recordRetryRate: number
  /** From when a batch was opened until it was first sent. */
  readonly recordQueueTimeAvg: number
  readonly recordQueueTimeMax: number
  /** Batches in requests; a retry counts again. */
  readonly batchTotal: number
  /** Bytes of a batch as it is sent. */
  readonly batchSizeAvg: number
  readonly batchSizeMax: number
  /** Bytes of batches as they are sent. */
  readonly byteTotal: number
  readonly byteRate: number
  /** Bytes after compression, as a share of those before. */
  readonly compressionRateAvg: number
  readonly recordsPerRequestAvg: number
  /** Produce requests. */
  readonly requestTotal: number
  readonly requestRate: number
  /** Produce requests without a response, to all brokers. */
  readonly requestsInFlight: number
  readonly requestLatencyAvg: number
  readonly requestLatencyMax: number
  /** Pauses that brokers asked for (KIP-219), over all responses. */
  readonly produceThrottleTimeAvg: number
  readonly produceThrottleTimeMax: number
  /** Connections for produce requests that were made. */
  readonly connectionCreationTotal: number
  /** The option `bufferMemory`. */
  readonly bufferTotalBytes: number
  readonly bufferAvailableBytes: number
  /** Bytes of records without an ack. */
  readonly bufferUsedBytes: number
  /** Streams that wait for buffer memory; all waiting calls of `sendOne()` count as one. */
  readonly waitingSources: number
  /** Brokers that lead a partition in use. */
  readonly brokers: readonly BrokerMetrics[]
  /** Partitions that were sent to, or hold records. */
  readonly partitions: readonly PartitionMetrics[]
}

/** One broker's in-flight window, and its connection. */
export interface BrokerMetrics {
  readonly nodeId: number
  readonly requestsInFlight: number
  /** The option `maxInFlight`: the limit of `requestsInFlight`. */
  readonly maxInFlight: number
  readonly requestTotal: number
  readonly requestRate: number
  readonly requestLatencyAvg: number
  readonly requestLatencyP50: number
  readonly requestLatencyP95: number
  readonly requestLatencyP99: number
  readonly requestLatencyMax: number
  /** How long the broker has asked the producer to pause (KIP-219), in all. */
  readonly throttleTimeTotal: number
  /** How often its connection was made again. */
  readonly reconnectTotal: number
}

/** One partition, and what was sent to it. */
export interface PartitionMetrics {
  readonly topic: string
  readonly partition: number
  /** Node id; -1: it has no leader now. */
  readonly leader: number
  /** `probing`: one batch is sent alone; `open`: up to `maxInFlight`; `draining`: nothing, until responses are in; `paused`: back-off. */
  readonly state: Phase
  readonly batchesWaiting: number
  readonly batchesInFlight: number
  readonly bufferUsedBytes: number
  readonly recordSendTotal: number
  readonly byteTotal: number
  /** Since the partition was first used, as the next two. */
  readonly recordQueueTimeAvg: number
  readonly recordsPerBatchAvg: number
  readonly compressionRateAvg: number
}
