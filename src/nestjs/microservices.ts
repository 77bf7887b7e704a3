/** rx-kafka/nestjs/microservices: the producer as a client of `@nestjs/microservices`. */
export { RxKafkaClient, type RxKafkaClientOptions, type RxKafkaClientStatus } from './client.js'
