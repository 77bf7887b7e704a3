/**
 * An idempotent Apache Kafka producer whose data path is an RxJS pipeline: records in, acks out. Begin with {@link createProducer}.
 *
 * @module
 */
export type {
  ConnectionTrace,
  ProduceTrace,
  ProduceTraceBatch,
  ProduceTraceResult,
  RequestTrace,
  TraceEnd,
} from './diagnostics.js'
export {
  AuthenticationError,
  BootstrapError,
  BrokerError,
  BufferFullError,
  ConnectionError,
  DataLossError,
  DeliveryTimeoutError,
  IdleConnectionError,
  InvalidArgumentError,
  InvalidRecordError,
  KafkaError,
  MalformedMessageError,
  OtherClusterError,
  ProducerClosedError,
  ProducerFencedError,
  RequestTimeoutError,
  TopicRecreatedError,
  TransactionAbortedError,
  TransactionEndedError,
  UnsupportedVersionError,
} from './errors.js'
export { failFast } from './producer/acks/fail-fast.js'
export type { ProducerHealth, ProducerState } from './producer/metrics/health.js'
export type { BrokerMetrics, PartitionMetrics, ProducerMetrics } from './producer/metrics/producer-metrics.js'
export type { BatchAck } from './producer/model/batch-ack.js'
export type { ProducerEvent, WaitingOn } from './producer/model/events.js'
export type { Interceptor, InterceptorMethod } from './producer/model/interceptor.js'
export type { Logger } from './producer/model/logger.js'
export type { Ack, Acked, Failed, Headers, Partitioner, ProducerRecord } from './producer/model/record.js'
export { RecordFailedError } from './producer/model/record-failed-error.js'
export type { Compression, CompressionCodec, TopicCompression } from './producer/options/compression.js'
export type { ProducerOptions } from './producer/options/options.js'
export type { SaslOptions } from './producer/options/sasl.js'
export { type CloseOptions, createProducer, type Producer } from './producer/producer.js'
export { partitioners } from './producer/records/partitioners.js'
export {
  type RecordMapping,
  type RecordOptions,
  type SendOptions,
  type Serializer,
  type SerializerContext,
  serializers,
} from './producer/records/serializer.js'
export type { AckDuplex } from './producer/sources/duplex.js'
export type { FailureOptions } from './producer/sources/failures.js'
export type { Chunk } from './producer/sources/feed.js'
export type { Source } from './producer/sources/pull.js'
export type { WebTransform } from './producer/sources/web.js'
export type { Transaction } from './producer/transaction.js'
export type {
  TransactionallyOptions,
  TransactionOutcome,
  TransactionProject,
  TransactionRecords,
} from './producer/transactionally.js'
export type { GroupMetadata, TopicPartitionOffset } from './producer/transactions/offsets.js'
export type { HeaderPair, RecordData } from './protocol/records/record-batch-builder.js'
export type { BearerToken } from './transport/bearer-token.js'
export { type ClientCredentialsOptions, clientCredentials } from './transport/client-credentials.js'
export type { Authenticate, SaslSession } from './transport/custom.js'
export type { Address, Socket, SocketListener, Transport } from './transport/transport.js'
