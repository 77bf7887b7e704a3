/**
 * An Express handler that answers when its record is stored: `sendOne()`, and what to say when it failed.
 *
 *     npm run example -- express
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createProducer, RecordFailedError } from '../src/index.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { openKafka } from './support/kafka.js'

const topic = 'example-express'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using producer = createProducer({ brokers: kafka.brokers })

const app = express()
app.use(express.json())

app.post('/orders', async (request, response) => {
  // Requests at the same time share requests to Kafka. The signal ends the wait, not the record.
  const { partition, offset } = await producer.sendOne(
    { topic, key: request.body.customer, value: JSON.stringify(request.body) },
    { signal: AbortSignal.timeout(10_000) },
  )
  response.status(201).json({ partition, offset: String(offset) })
})

const answerFailed: express.ErrorRequestHandler = (error, _request, response, next) => {
  if (!(error instanceof RecordFailedError)) next(error)
  // 'maybe': who sends it again may have it twice. That is for the client to decide.
  else if (error.persisted === 'maybe') response.status(504).json({ error: 'nobody knows whether it was stored' })
  else response.status(503).set('retry-after', '1').json({ error: error.message })
}
app.use(answerFailed)

await using server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`

// And now a hundred clients at once.
const post = (body: string): Promise<Response> =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
const orders = Array.from({ length: 100 }, (_, i) => ({ customer: `c-${i}`, cents: i }))
const responses = await Promise.all(orders.map(order => post(JSON.stringify(order))))
console.log(`${responses.filter(({ status }) => status === 201).length} of 100 were answered with 201`)
const sent = orders.map(order => ({ key: order.customer, value: JSON.stringify(order) }))
kafka.verify(topic, sent)

if (kafka.cluster) {
  kafka.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const refused = await post(JSON.stringify({ customer: 'c-1', cents: 1 }))
  console.log(`refused: ${refused.status}, retry after ${refused.headers.get('retry-after')} s`)
}
