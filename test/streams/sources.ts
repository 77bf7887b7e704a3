import { Readable } from 'node:stream'
import type { Source } from '../../src/index.js'

/** The kinds of sources that are pulled, each made of the same iterable. */
export const PULLED: Readonly<Record<string, <T>(values: Iterable<T>) => Source<T>>> = {
  iterable: values => values,
  'async iterable': async function* (values) {
    yield* values
  },
  Readable: values => Readable.from(values),
  'web stream': values => webStream(values),
}

/** What is read from it is asked for when it is read, and no earlier. */
export function webStream<T>(values: Iterable<T>): ReadableStream<T> {
  const iterator = values[Symbol.iterator]()
  return new ReadableStream<T>(
    {
      pull(controller) {
        const { done, value } = iterator.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: () => {
        iterator.return?.()
      },
    },
    { highWaterMark: 0 },
  )
}

interface Silent {
  readonly source: Source<never>
  /** Whether it was left: destroyed, cancelled, or its iterator told to return. */
  readonly left: () => boolean
}

/** Sources that give nothing, and do not end by themselves. */
export function silentSources(): Readonly<Record<'Readable' | 'web stream' | 'async iterable', Silent>> {
  const readable = new Readable({ objectMode: true, read: () => {} })
  let cancelled = false
  let returned = false
  return {
    Readable: { source: readable as unknown as Source<never>, left: () => readable.destroyed },
    'web stream': {
      source: new ReadableStream<never>({
        cancel: () => {
          cancelled = true
        },
      }),
      left: () => cancelled,
    },
    'async iterable': {
      source: {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: () => {
            returned = true
            return new Promise(() => {})
          },
        }),
      },
      left: () => returned,
    },
  }
}
