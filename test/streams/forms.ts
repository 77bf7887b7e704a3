import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, type Observable } from 'rxjs'
import type { Ack, Producer, RecordOptions, SendOptions } from '../../src/index.js'
import { PULLED, webStream } from './sources.js'

/** What a stream has come to. */
export interface Sent<T> {
  /** In order; only what failed, of a form that gives no acks. */
  readonly acks: Ack<T>[]
  /** It has ended: with `error`, if that is not undefined. */
  done: boolean
  error: unknown
}

type Options<T> = RecordOptions<T> & SendOptions
type Form = <T>(producer: Producer, values: Iterable<T>, options: Options<T>) => Sent<T>

/** Every form in which values go into a producer. A reader reads whatever acks there are. */
export const FORMS: Readonly<Record<string, Form>> = {
  'send()': (producer, values, options) => watching(from(values).pipe(producer.send(options))),
  'sendBatches()': (producer, values, options) => watching(from(values).pipe(producer.sendBatches(options))),
  'publish(Observable)': (producer, values, options) => watching(producer.publish(from(values), options)),
  ...Object.fromEntries(
    Object.entries(PULLED).map(([kind, sourceOf]): [string, Form] => [
      `publish(${kind})`,
      (producer, values, options) => watching(producer.publish(sourceOf(values), options)),
    ]),
  ),
  'writable()': (producer, values, options) =>
    settling(acks => {
      const writable = producer.writable({ ...options, onFailed: ack => acks.push(ack) })
      return pipeline(Readable.from(values), writable)
    }),
  'duplex()': (producer, values, options) =>
    settling(acks => {
      const sink = new Writable({
        objectMode: true,
        write: (ack, _, done) => {
          acks.push(ack)
          done()
        },
      })
      return pipeline(Readable.from(values), producer.duplex(options), sink)
    }),
  'webWritable()': (producer, values, options) =>
    settling(acks => {
      const writable = producer.webWritable({ ...options, onFailed: ack => void acks.push(ack) })
      return webStream(values).pipeTo(writable)
    }),
  'webTransform()': (producer, values, options) =>
    settling(acks =>
      webStream(values)
        .pipeThrough(producer.webTransform(options))
        .pipeTo(new WritableStream({ write: ack => void acks.push(ack) })),
    ),
}

/** The forms whose acks tell of every record. */
export const WITH_ACKS: readonly string[] = Object.keys(FORMS).filter(name => !/writable/i.test(name))

/** The forms that read no faster than the buffer has room. */
export const WAITING: readonly string[] = Object.keys(FORMS).filter(name => !/send|Observable/.test(name))

function watching<T>(acks$: Observable<Ack<T> | Iterable<Ack<T>>>): Sent<T> {
  const sent: Sent<T> = { acks: [], done: false, error: undefined }
  acks$.subscribe({
    next: ack => {
      if (Symbol.iterator in ack) sent.acks.push(...ack)
      else sent.acks.push(ack)
    },
    error: error => {
      sent.done = true
      sent.error = error
    },
    complete: () => {
      sent.done = true
    },
  })
  return sent
}

function settling<T>(run: (acks: Ack<T>[]) => Promise<void>): Sent<T> {
  const sent: Sent<T> = { acks: [], done: false, error: undefined }
  run(sent.acks).then(
    () => {
      sent.done = true
    },
    error => {
      sent.done = true
      sent.error = error
    },
  )
  return sent
}
