import { Inject } from '@nestjs/common'

/**
 * Returns the injection token of a producer.
 *
 * @param name the `name` that its module was given; default: of the one without a name.
 *
 * @example await app.get<Producer>(getProducerToken()).connect()
 */
export function getProducerToken(name?: string): string {
  return name === undefined ? 'RxKafkaProducer' : `RxKafkaProducer:${name}`
}

/**
 * Injects a producer.
 *
 * @param name the `name` that its module was given; default: of the one without a name.
 *
 * @example constructor(@InjectProducer() private readonly producer: Producer) {}
 */
export function InjectProducer(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getProducerToken(name))
}
