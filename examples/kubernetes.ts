/**
 * A graceful shutdown, as Kubernetes asks for it: probes, and on SIGTERM no more intake, delivery within a deadline, and an exit code that
 * tells whether anything was lost.
 *
 *     npm run example -- kubernetes
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createProducer } from '../src/index.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { openKafka } from './support/kafka.js'

/** What is left of `terminationGracePeriodSeconds` (30 by default) once the server has answered its requests. */
const DELIVERY_MS = 20_000

const topic = 'example-kubernetes'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
const producer = createProducer({ brokers: kafka.brokers })
let stopping = false
let lost = 0

const server = createServer(async (request, response) => {
  const answer = (status: number, body: object = {}): void => void response.writeHead(status).end(JSON.stringify(body))
  const { state, oldestRecordAgeMs } = producer.health()
  if (request.url === '/live') answer(state === 'failed' ? 503 : 200)
  else if (request.url === '/ready') answer(!stopping && state === 'ready' && oldestRecordAgeMs < 30_000 ? 200 : 503)
  else {
    // Answered before the record is stored: from here on the shutdown has to deliver it.
    const value = await text(request)
    producer.sendOne({ topic, value }).catch(error => {
      lost++
      console.error(`lost: ${value}: ${error.message}`)
    })
    answer(202)
  }
}).listen(0, '127.0.0.1')
await once(server, 'listening')
await producer.connect()

async function shutdown(): Promise<void> {
  stopping = true // /ready is 503 from now on, for connections that are open
  // Kubernetes may send requests for some seconds yet: a preStop hook that sleeps lets them in.
  server.close() // no new connections; those with a request stay until it is answered
  await once(server, 'close')
  await producer.close({ timeoutMs: DELIVERY_MS }) // what has no ack by then fails
  process.exitCode = lost === 0 ? 0 : 1
  console.log(`delivered: ${lost} records are lost`)
}
const stopped = new Promise<void>(resolve => process.once('SIGTERM', () => void shutdown().then(resolve)))

// And now Kubernetes: it sees that the pod is ready, sends it requests, and stops it while they are being delivered.
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const ready = async (): Promise<number> => (await fetch(`${url}/ready`)).status
console.log(`ready: ${await ready()}`)
const lacking = { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } as const
const outage = kafka.cluster?.inject({ fault: lacking, times: Number.POSITIVE_INFINITY })
const orders = Array.from({ length: 200 }, (_, i) => ({ value: `order ${i}` }))
const responses = await Promise.all(orders.map(({ value }) => fetch(url, { method: 'POST', body: value })))
await Promise.all(responses.map(response => response.text()))
console.log(
  `${responses.filter(({ status }) => status === 202).length} of 200 accepted; ${producer.bufferedBytes > 0 ? 'not all have their ack' : 'all have their ack'}`,
)
process.kill(process.pid, 'SIGTERM')
outage?.remove() // Kafka recovers while the producer is closing
await stopped
kafka.verify(topic, orders)
