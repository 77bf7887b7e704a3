/**
 * Avro, JSON Schema and Protobuf through a schema registry: a serializer asks it, and each schema is fetched once, however many records
 * wait for it. The client package is @kafkajs/confluent-schema-registry: three small dependencies, no native code.
 *
 *     npm run example -- schema-registry [REGISTRY_URL]
 */
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { lastValueFrom, toArray } from 'rxjs'
import { createProducer, failFast, type Serializer } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { startRegistry } from './support/registry.js'

interface Order {
  readonly customer: string
  readonly cents: number
}

const SCHEMAS = {
  'example-avro': {
    type: SchemaType.AVRO,
    schema: `{ "type": "record", "name": "Order", "namespace": "shop", "fields": [
      { "name": "customer", "type": "string" }, { "name": "cents", "type": "int" }] }`,
  },
  'example-json-schema': {
    type: SchemaType.JSON,
    schema: `{ "type": "object", "required": ["customer", "cents"], "properties": {
      "customer": { "type": "string" }, "cents": { "type": "integer" } } }`,
  },
  'example-protobuf': {
    type: SchemaType.PROTOBUF,
    schema: 'syntax = "proto3"; package shop; message Order { string customer = 1; int32 cents = 2; }',
  },
} as const

/**
 * Returns a serializer: a magic byte, the id of the subject's latest schema, and the encoded data. The registry's client keeps schemas, and
 * one fetch serves all who ask for it at the same time; ids it does not keep. A fetch that failed is tried again for the next record.
 */
function latest<T>(registry: SchemaRegistry, type: SchemaType): Serializer<T> {
  const ids = new Map<string, Promise<number>>()
  return async (data, { topic, isKey }) => {
    const subject = `${topic}-${isKey ? 'key' : 'value'}`
    let id = ids.get(subject)
    if (id === undefined) {
      id = registry.getLatestSchemaId(subject)
      ids.set(subject, id)
      id.catch(() => ids.delete(subject))
    }
    const bytes = await registry.encode(await id, data)
    return type === SchemaType.PROTOBUF ? withMessageIndex(bytes) : bytes
  }
}

/** Confluent's wire format says which message of a Protobuf schema follows: 0, the first. This package leaves that byte out. */
const withMessageIndex = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, 5), Buffer.of(0), bytes.subarray(5)])

const topics = Object.fromEntries(Object.keys(SCHEMAS).map(topic => [topic, { partitions: 1 }]))
await using kafka = await openKafka({ topics })
await using embedded = kafka.args[0] === undefined ? await startRegistry() : undefined
const host = kafka.args[0] ?? embedded!.url

// Somebody else registers schemas, as when a service is deployed.
const deployment = new SchemaRegistry({ host })
for (const [topic, schema] of Object.entries(SCHEMAS)) await deployment.register(schema, { subject: `${topic}-value` })
embedded?.requests.splice(0)

const registry = new SchemaRegistry({ host })
await using producer = createProducer({ brokers: kafka.brokers })
const orders = Array.from({ length: 1_000 }, (_, i): Order => ({ customer: `c-${i % 7}`, cents: i }))

for (const [topic, { type }] of Object.entries(SCHEMAS)) {
  const options = { topic, key: (order: Order) => order.customer, value: latest<Order>(registry, type) }
  const acks = await lastValueFrom(producer.publish(orders, options).pipe(failFast(), toArray()))
  console.log(`${acks.length} orders are stored in ${topic}`)
}
if (embedded) console.log(`${embedded.requests.length} requests to the registry:\n  ${embedded.requests.join('\n  ')}`)

// And read back, as a consumer does it.
for (const topic of kafka.cluster ? Object.keys(SCHEMAS) : []) {
  const stored = kafka.cluster!.records(topic, 0)
  const read = await Promise.all(stored.map(async ({ value }) => ({ ...(await registry.decode(Buffer.from(value!))) })))
  if (JSON.stringify(read) !== JSON.stringify(orders)) throw new Error(`${topic} holds other orders than were sent`)
  console.log(
    `verified: ${topic} has all orders; the first one begins with ${Buffer.from(stored[0]!.value!).toString('hex', 0, 6)}`,
  )
}
