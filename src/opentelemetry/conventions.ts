import type { Attributes } from '@opentelemetry/api'

/*
 * Names of OpenTelemetry's semantic conventions for messaging and Kafka, version 1.45 (status: Development). By hand: the package of
 * constants has them in its unstable entry point, which must not be a dependency of a library.
 */

export const BATCH_MESSAGE_COUNT = 'messaging.batch.message_count'
export const CLIENT_ID = 'messaging.client.id'
export const DESTINATION = 'messaging.destination.name'
export const ERROR_TYPE = 'error.type'
export const OFFSET = 'messaging.kafka.offset'
const OPERATION_NAME = 'messaging.operation.name'
const OPERATION_TYPE = 'messaging.operation.type'
export const PARTITION = 'messaging.destination.partition.id'
export const SERVER_ADDRESS = 'server.address'
export const SERVER_PORT = 'server.port'
export const TOMBSTONE = 'messaging.kafka.message.tombstone'

/** A record's way from the producer to its ack. */
export const SEND: Attributes = { 'messaging.system': 'kafka', [OPERATION_NAME]: 'send', [OPERATION_TYPE]: 'send' }

/** A Produce request, which carries many records: Kafka's own name of the operation. */
export const PRODUCE: Attributes = { ...SEND, [OPERATION_NAME]: 'produce' }

/** Returns Kafka's name for an error code that a broker returned; for any other error, its class name. */
export function errorType(error: Error): string {
  return (error as { readonly codeName?: string }).codeName ?? error.name
}
