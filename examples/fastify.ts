/**
 * A Fastify plugin: one producer for all routes, which closes with the server, after the requests that use it.
 *
 *     npm run example -- fastify
 */
import fastify, { type FastifyInstance } from 'fastify'
import { createProducer, type Producer, RecordFailedError } from '../src/index.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { openKafka } from './support/kafka.js'

declare module 'fastify' {
  interface FastifyInstance {
    readonly kafka: Producer
  }
}

const topic = 'example-fastify'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })

/** Not a plugin of its own scope: every route may use `app.kafka`. Others wrap it in `fastify-plugin`. */
function addKafka(app: FastifyInstance, brokers: readonly string[]): void {
  app.decorate('kafka', createProducer({ brokers, logger: app.log }))
  // Fastify calls it when no request is left.
  app.addHook('onClose', ({ kafka }) => kafka.close({ timeoutMs: 20_000 }))
}

const app = fastify({ logger: { level: 'error' } })
addKafka(app, kafka.brokers)

app.post<{ Body: { readonly customer: string } }>('/orders', async ({ body }, reply) => {
  const { partition, offset } = await app.kafka.sendOne({ topic, key: body.customer, value: JSON.stringify(body) })
  return reply.code(201).send({ partition, offset: String(offset) })
})

app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof RecordFailedError)) return reply.send(error)
  // 'maybe': who sends it again may have it twice. That is for the client to decide.
  if (error.persisted === 'maybe') return reply.code(504).send({ error: 'nobody knows whether it was stored' })
  return reply.code(503).header('retry-after', 1).send({ error: error.message })
})

const url = await app.listen({ port: 0, host: '127.0.0.1' })

// And now a hundred clients at once.
const post = (body: object): Promise<Response> =>
  fetch(`${url}/orders`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
const orders = Array.from({ length: 100 }, (_, i) => ({ customer: `c-${i}`, cents: i }))
const responses = await Promise.all(orders.map(post))
console.log(`${responses.filter(({ status }) => status === 201).length} of 100 were answered with 201`)

if (kafka.cluster) {
  kafka.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const refused = await post({ customer: 'c-1', cents: 1 })
  console.log(`refused: ${refused.status}, retry after ${refused.headers.get('retry-after')} s`)
}
await app.close()
console.log(`the server is closed, and so is the producer: ${app.kafka.health().state}`)
kafka.verify(
  topic,
  orders.map(order => ({ key: order.customer, value: JSON.stringify(order) })),
)
