import { type ProducerOptions, resolveOptions } from '../producer/options.js'
import { ObservableProducer } from '../producer/producer.js'

/**
 * An idempotent producer: every record it accepts is written exactly once, in order per partition, and gets exactly one
 * terminal event. Connects when the first record comes.
 *
 * @throws {InvalidArgumentError} when an option is unknown, out of range or contradicts another one.
 *
 * @example
 * await using producer = createProducer({ brokers: ['localhost:9092'] })
 * orders$
 *   .pipe(
 *     map(order => ({ topic: 'orders', key: order.id, value: JSON.stringify(order) })),
 *     producer.send(),
 *   )
 *   .subscribe(ack => console.log(ack.kind))
 */
export function createProducer(options: ProducerOptions): Producer {
  return new Producer(resolveOptions(options))
}

/** @see createProducer */
export class Producer extends ObservableProducer {}
