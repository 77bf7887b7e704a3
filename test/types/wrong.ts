/** Checked by the compiler, never run: what must not compile. */
import { type Observable, of } from 'rxjs'
import { createProducer, failFast, type Producer, type ProducerRecord, type Serializer } from '../../src/index.js'

declare const producer: Producer
declare const numbers$: Observable<number>
declare const strings: ReadableStream<string>

// @ts-expect-error: there is no such option
producer.send({ topik: 'orders' })
// @ts-expect-error: how to make a record, but not for which topic
numbers$.pipe(producer.send({ value: (n: number) => `${n}` }))
// @ts-expect-error: a topic is a string, or a function that gives one
numbers$.pipe(producer.send({ topic: 5 }))
// @ts-expect-error: a value is bytes
numbers$.pipe(producer.send({ topic: 'numbers', value: n => n }))
// @ts-expect-error: a key is bytes, later too
numbers$.pipe(producer.send({ topic: 'numbers', key: async n => n, value: n => `${n}` }))
// @ts-expect-error: a partition is not chosen by its name
numbers$.pipe(producer.send({ topic: 'numbers', value: n => `${n}`, partition: n => `${n}` }))
// @ts-expect-error: the serializer is not for what the source emits
numbers$.pipe(producer.send({ topic: 'numbers', value: (text: string) => text }))
// @ts-expect-error: headers are chosen at once
numbers$.pipe(producer.send({ topic: 'numbers', value: n => `${n}`, headers: async () => ({ a: 'b' }) }))
// @ts-expect-error: a signal, not its controller
producer.send({ signal: new AbortController() })

// @ts-expect-error: numbers are no records
numbers$.pipe(producer.send())
// @ts-expect-error: a record needs a topic
of({ value: 'v' }).pipe(producer.send())
// @ts-expect-error: a record needs a value, if only null
of({ topic: 't' }).pipe(producer.send())
// @ts-expect-error: a value is bytes
of({ topic: 't', value: 5 }).pipe(producer.send())
// @ts-expect-error: the metadata is not what is declared
of<ProducerRecord<string>>().pipe(producer.send<number>())

// @ts-expect-error: not a source
producer.publish(5)
// @ts-expect-error: records come from an iterable, not one by one
producer.publish({ topic: 't', value: 'v' })
// @ts-expect-error: strings are no records without a topic
producer.publish(strings)
// @ts-expect-error: only streams that give no acks have it
producer.publish(strings, { topic: 't', onFailed: () => {} })
// @ts-expect-error: a duplex gives acks
producer.duplex({ onFailed: () => {} })
// @ts-expect-error: it is a function
producer.writable({ onFailed: 'ignore' })
// @ts-expect-error: strings are no records without a topic
strings.pipeTo(producer.webWritable())
// @ts-expect-error: strings are no records without a topic
strings.pipeThrough(producer.webTransform())

// @ts-expect-error: acks alone can fail
numbers$.pipe(failFast())
// @ts-expect-error: bytes or a promise of them
const bad: Serializer<number> = n => n
void bad

// @ts-expect-error: a deadline is a number
producer.close({ timeoutMs: '5s' })
// @ts-expect-error: the deadline of close() is none of flush()
producer.flush({ timeoutMs: 5 })
// @ts-expect-error: brokers must be given
createProducer({})
createProducer({ brokers: () => ['localhost'] })
createProducer({ brokers: async () => ['localhost'], mapAddress: host => ({ host, port: 1 }) })
// @ts-expect-error: a function returns a list
createProducer({ brokers: () => 'localhost' })
// @ts-expect-error: an address has a port
createProducer({ brokers: ['localhost'], mapAddress: host => ({ host }) })
// @ts-expect-error: less than all would not be exactly once
createProducer({ brokers: ['localhost'], acks: 1 })
// @ts-expect-error: one of two
createProducer({ brokers: ['localhost'], overflow: 'drop' })
// @ts-expect-error: it is read only
producer.bufferedBytes = 0
