/** Checked by the compiler, never run: loggers and interceptors that users have, and the types of what they see. */
import { tracingChannel } from 'node:diagnostics_channel'
import type { Observable } from 'rxjs'
import {
  type Ack,
  createProducer,
  type Interceptor,
  type Producer,
  type ProducerMetrics,
  type ProducerRecord,
  type ProduceTrace,
} from '../../src/index.js'
import { openTelemetry } from '../../src/opentelemetry/index.js'
import { expectType } from './expect.js'

declare const producer: Producer
const brokers = ['localhost:9092']

/** The shape of pino's methods. */
type LogFn = <T, M extends string = string>(
  fields: T,
  message?: T extends string ? never : M,
  ...rest: unknown[]
) => void
declare const pino: { readonly [level in 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal']: LogFn }

createProducer({ brokers, logger: pino })
createProducer({ brokers, logger: console })
// @ts-expect-error: `warn` is missing.
createProducer({ brokers, logger: { debug() {}, info() {}, error() {} } })

createProducer({
  brokers,
  interceptors: [
    openTelemetry(),
    {
      onSend: record => {
        expectType<ProducerRecord>()(record)
        return record
      },
      onAck: ack => expectType<Ack>()(ack),
    },
  ],
})
// @ts-expect-error: onSend() must be synchronous.
const late: Interceptor = { onSend: async (record: ProducerRecord) => record }
void late

expectType<ProducerMetrics>()(producer.metrics())
expectType<Observable<ProducerMetrics>>()(producer.metrics$)

tracingChannel<unknown, ProduceTrace>('rx-kafka:produce').start.subscribe(
  message => void (message as ProduceTrace).batches,
)
