/**
 * The producer as a client of `@nestjs/microservices`.
 *
 * @module
 */
export { RxKafkaClient, type RxKafkaClientOptions, type RxKafkaClientStatus } from './client.js'
