/**
 * An HTTP server that answers each POST when its record is acked.
 *
 *     npm run example -- http-server
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Subject } from 'rxjs'
import { createProducer, type ProducerRecord } from '../src/index.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { openKafka } from './support/kafka.js'

const topic = 'example-http-server'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
// Clients push. If they are faster than brokers, their requests fail, not the stream of all of them.
await using producer = createProducer({ brokers: kafka.brokers, overflow: 'reject' })

const posts$ = new Subject<ProducerRecord<ServerResponse>>()

// One stream for all requests; each ack brings back, as metadata, the response that waits for it.
posts$.pipe(producer.send<ServerResponse>()).subscribe(ack => {
  const response = ack.record.metadata!
  if (ack.kind === 'acked') {
    answer(response, 201, { partition: ack.partition, offset: String(ack.offset) })
  } else if (ack.persisted === 'no') {
    answer(response.setHeader('retry-after', 1), 503, { error: 'not written' })
  } else {
    // Who sends it again may have it twice: that is for the client to decide.
    answer(response, 503, { error: 'nobody knows whether it was written' })
  }
})

await using server = createServer((request, response) => {
  if (request.method !== 'POST') answer(response, 405, { error: 'POST records here' })
  else if (!posts$.observed) answer(response, 503, { error: 'the producer has ended' })
  else
    buffer(request).then(
      value => posts$.next({ topic, key: request.url, value, metadata: response }),
      () => response.destroy(), // the client went away
    )
}).listen(0, '127.0.0.1')
await once(server, 'listening')

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

// And now a hundred clients at once.
const post = (path: string, body: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method: 'POST', body })
const sent = Array.from({ length: 100 }, (_, i) => ({ key: `/customers/${i}`, value: `order ${i}` }))
const responses = await Promise.all(sent.map(({ key, value }) => post(key, value)))
console.log(
  `${responses.filter(({ status }) => status === 201).length} of 100 were answered with 201, such as this one:`,
)
console.log(await responses[0]!.text())
kafka.verify(topic, sent)

if (kafka.cluster) {
  kafka.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const refused = await post('/customers/7', 'one that the broker refuses')
  console.log(
    `refused: ${refused.status}, retry after ${refused.headers.get('retry-after')} s, ${await refused.text()}`,
  )
}
posts$.complete()
