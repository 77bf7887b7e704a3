import { Kafka, logLevel, type Message, Partitioners, type Producer, type RecordMetadata } from 'kafkajs'

interface Order {
  readonly id: string
  readonly total: number
}

class OrderEvents {
  private readonly producer: Producer

  constructor(kafka: Kafka) {
    this.producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 10 },
    })
  }

  async start(): Promise<void> {
    await this.producer.connect()
  }

  async stop(): Promise<void> {
    await this.producer.disconnect()
  }

  placed(orders: readonly Order[]): Promise<RecordMetadata[]> {
    const messages = orders.map(
      (order): Message => ({
        key: order.id,
        value: JSON.stringify(order),
        headers: { type: 'OrderPlaced', trace: ['a', 'b'] },
      }),
    )
    return this.producer.send({ topic: 'orders', acks: -1, timeout: 30_000, messages })
  }
}

async function main(): Promise<void> {
  const kafka = new Kafka({ clientId: 'orders', brokers: process.env.BROKERS!.split(','), logLevel: logLevel.ERROR })
  const events = new OrderEvents(kafka)
  await events.start()
  for (const n of [0, 1]) {
    const metadata = await events.placed([1, 2, 3, 4, 5].map(i => ({ id: `order-${i}`, total: n })))
    metadata.sort((a, b) => a.partition - b.partition)
    console.log(JSON.stringify(metadata.map(entry => Object.entries(entry).sort())))
  }
  await events.stop()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
