/** rx-kafka: an idempotent Apache Kafka producer whose data path is an RxJS pipeline. */
export {
  AuthenticationError,
  BootstrapError,
  BrokerError,
  BufferFullError,
  ConnectionError,
  DataLossError,
  DeliveryTimeoutError,
  InvalidArgumentError,
  InvalidRecordError,
  KafkaError,
  MalformedMessageError,
  OtherClusterError,
  ProducerClosedError,
  ProducerFencedError,
  RequestTimeoutError,
  TopicRecreatedError,
  UnsupportedVersionError,
} from './errors.js'
export type { BatchAck } from './producer/acks.js'
export type { Held, ProducerEvent } from './producer/events.js'
export { failFast, RecordFailedError } from './producer/fail-fast.js'
export type { Partitioner, ProducerOptions } from './producer/options.js'
export type { CloseOptions } from './producer/producer.js'
export type { Source } from './producer/pull.js'
export type { Ack, Acked, Failed, Headers, ProducerRecord } from './producer/record.js'
export type { SaslOptions } from './producer/security.js'
export {
  type RecordMapping,
  type RecordOptions,
  type SendOptions,
  type Serializer,
  type SerializerContext,
  serializers,
} from './producer/serializer.js'
export type { Bytes, HeaderPair } from './protocol/records/record-batch-builder.js'
export type { AckDuplex } from './streams/duplex.js'
export type { FailureOptions } from './streams/failures.js'
export type { Chunk } from './streams/feed.js'
export { createProducer, type Producer } from './streams/producer.js'
export type { WebTransform } from './streams/web.js'
export type { Address, Socket, SocketListener, Transport } from './transport/transport.js'
