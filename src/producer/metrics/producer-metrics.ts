import type { Phase } from '../model/partition.js'

/**
 * What a producer has done and holds now. Totals count from when the producer was made; rates are per second, and rates, averages, maxima
 * and percentiles describe the last 30 to 60 s. Times are in ms. A value is 0 while nothing was measured. The names are those of Java's
 * producer, where it has one: docs/metrics.md has the table.
 */
export interface ProducerMetrics {
  /** Records in requests; a retry counts again. */
  readonly recordSendTotal: number
  /** Records in requests, per second. */
  readonly recordSendRate: number
  /** Records that brokers have confirmed. */
  readonly recordAckTotal: number
  /** Records that failed. */
  readonly recordErrorTotal: number
  /** Records that failed, per second. */
  readonly recordErrorRate: number
  /** The same by the name of their error, such as `DeliveryTimeoutError`; a `BrokerError` by Kafka's name, such as `TOPIC_AUTHORIZATION_FAILED`. */
  readonly recordErrors: Readonly<Record<string, number>>
  /** Records that a request carried again. */
  readonly recordRetryTotal: number
  /** Records that a request carried again, per second. */
  readonly recordRetryRate: number
  /** From when a batch was opened until it was first sent, in ms. */
  readonly recordQueueTimeAvg: number
  /** The longest time from when a batch was opened until it was first sent, in ms. */
  readonly recordQueueTimeMax: number
  /** Batches in requests; a retry counts again. */
  readonly batchTotal: number
  /** Bytes of a batch as it is sent. */
  readonly batchSizeAvg: number
  /** Bytes of the largest batch as it is sent. */
  readonly batchSizeMax: number
  /** Bytes of batches as they are sent. */
  readonly byteTotal: number
  /** Bytes of batches as they are sent, per second. */
  readonly byteRate: number
  /** Bytes after compression, as a share of those before. */
  readonly compressionRateAvg: number
  /** Records in a request. */
  readonly recordsPerRequestAvg: number
  /** Produce requests. */
  readonly requestTotal: number
  /** Produce requests, per second. */
  readonly requestRate: number
  /** Produce requests without a response, to all brokers. */
  readonly requestsInFlight: number
  /** From when a Produce request is written until it is answered, in ms. */
  readonly requestLatencyAvg: number
  /** The longest time from when a Produce request was written until it was answered, in ms. */
  readonly requestLatencyMax: number
  /** Pauses that brokers asked for (KIP-219), over all responses, in ms. */
  readonly produceThrottleTimeAvg: number
  /** The longest pause, in ms. */
  readonly produceThrottleTimeMax: number
  /** Connections for Produce requests. */
  readonly connectionCreationTotal: number
  /** The option `bufferMemory`. */
  readonly bufferTotalBytes: number
  /** Bytes of `bufferMemory` that are free. */
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
  /** The broker's node id. */
  readonly nodeId: number
  /** Produce requests without a response. */
  readonly requestsInFlight: number
  /** The option `maxInFlight`: the limit of `requestsInFlight`. */
  readonly maxInFlight: number
  /** Produce requests. */
  readonly requestTotal: number
  /** Produce requests, per second. */
  readonly requestRate: number
  /** From when a request is written until it is answered, in ms. */
  readonly requestLatencyAvg: number
  /** Half of the requests were answered within this time, in ms; exact to 1 %, as the other percentiles. */
  readonly requestLatencyP50: number
  /** 95 % of the requests were answered within this time, in ms. */
  readonly requestLatencyP95: number
  /** 99 % of the requests were answered within this time, in ms. */
  readonly requestLatencyP99: number
  /** The slowest answer, in ms. */
  readonly requestLatencyMax: number
  /** How long the broker has asked the producer to pause (KIP-219), in all, in ms. */
  readonly throttleTimeTotal: number
  /** How often the producer has connected to it again. */
  readonly reconnectTotal: number
}

/** One partition, and what was sent to it. */
export interface PartitionMetrics {
  /** The topic's name. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** Node id; -1: it has no leader now. */
  readonly leader: number
  /** `probing`: one batch is sent alone; `open`: up to `maxInFlight`; `draining`: nothing, until responses are in; `paused`: back-off. */
  readonly state: Phase
  /** Batches that are not sent yet, or are to be sent again. */
  readonly batchesWaiting: number
  /** Batches in requests without a response. */
  readonly batchesInFlight: number
  /** Bytes of `bufferMemory` that its records take. */
  readonly bufferUsedBytes: number
  /** Records in requests; a retry counts again. */
  readonly recordSendTotal: number
  /** Bytes of its batches as they are sent. */
  readonly byteTotal: number
  /** From when a batch was opened until it was first sent, in ms; over all batches of the partition. */
  readonly recordQueueTimeAvg: number
  /** Records in a batch; over all batches of the partition. */
  readonly recordsPerBatchAvg: number
  /** Bytes after compression, as a share of those before. */
  readonly compressionRateAvg: number
}
