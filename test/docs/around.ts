/** What blocks of the documentation have from the text around them. */
import { from, type Observable } from 'rxjs'
import {
  createProducer,
  type Logger,
  type Producer,
  type ProducerRecord,
  partitioners,
  serializers,
} from './tracked.js'

export interface Order {
  readonly id: string
  readonly customer: string
}

type Line = (what: unknown, message?: string) => void
type Log = { readonly [level in keyof Logger]: Line }

export interface Around {
  readonly createProducer: typeof createProducer
  readonly serializers: typeof serializers
  readonly partitioners: typeof partitioners
  readonly brokers: readonly string[]
  readonly producer: Producer
  readonly orders$: Observable<Order>
  readonly records$: Observable<ProducerRecord>
  readonly orders: readonly Order[]
  /** pino, or something like it. */
  readonly log: Log
  readonly pino: (options: { readonly name: string }) => Logger
}

const ORDERS: readonly Order[] = [
  { id: 'o-1', customer: 'c-1' },
  { id: 'o-2', customer: 'c-2' },
  { id: 'o-3', customer: 'c-1' },
]

export function around(brokers: readonly string[]): Around {
  const print: Line = (...what) => console.log(...what)
  const log: Log = { debug: () => {}, info: print, warn: print, error: print }
  return {
    ...{ createProducer, serializers, partitioners },
    brokers,
    producer: createProducer({ brokers }),
    orders: ORDERS,
    orders$: from(ORDERS),
    records$: from(ORDERS.map(({ id, customer }) => ({ topic: 'orders', key: customer, value: id }))),
    log,
    pino: () => log,
  }
}

const NAMES: readonly (keyof Around)[] = [
  ...(['createProducer', 'serializers', 'partitioners', 'brokers', 'producer'] as const),
  ...(['orders', 'orders$', 'records$', 'log', 'pino'] as const),
]

/** The same as declarations, for the compiler. */
export const DECLARATIONS: string = `
import type { Around, Order as AnOrder } from '${new URL('around.js', import.meta.url).pathname}'
declare global {
  type Order = AnOrder
  ${NAMES.map(name => `const ${name}: Around['${name}']`).join('\n  ')}
}
`

/** Files in the folder in which blocks run. */
export const FILES: Readonly<Record<string, string>> = {
  'orders.ndjson': `${ORDERS.map(order => JSON.stringify(order)).join('\n')}\n`,
  'app.log': 'first\nsecond\nthird\n',
  'readings.csv': 'sensor,celsius\ns-1,20\ns-2,21\n',
  'client.properties': 'bootstrap.servers=localhost:9092\nlinger.ms=5\n',
  'kafka-password': 'secret\n',
}
