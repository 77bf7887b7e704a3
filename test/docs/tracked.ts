/** `rx-kafka` as blocks of the documentation import it: their producers are known here, so that what they sent can be awaited. */
import { createProducer as create, type Producer, type ProducerOptions } from '../../src/index.js'

export * from '../../src/index.js'

const producers = new Set<Producer>()

export function createProducer(options: ProducerOptions): Producer {
  const producer = create(options)
  producers.add(producer)
  return producer
}

/** Awaits the ack of every record, and closes every producer. */
export async function closeProducers(): Promise<void> {
  for (const producer of producers) await producer.close()
  producers.clear()
}
