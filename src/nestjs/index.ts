/**
 * Producers for Nest's dependency injection, which deliver what they accepted when the application shuts down.
 *
 * @module
 */
export {
  type HealthResult,
  type ReadinessOptions,
  RxKafkaHealthIndicator,
} from './health-indicator.js'
export { RxKafkaModule, type RxKafkaModuleAsyncOptions, type RxKafkaModuleOptions } from './module.js'
export type { RxKafkaOptionsFactory, RxKafkaProducerOptions } from './options.js'
export { getProducerToken, InjectProducer } from './tokens.js'
