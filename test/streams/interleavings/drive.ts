import { Readable } from 'node:stream'
import { type Observable, Subject } from 'rxjs'
import type { Ack, AckDuplex, BatchAck, Producer, SendOptions, Source } from '../../../src/index.js'
import type { World } from '../../support/world.js'
import { type Item, recordOptions, type StreamLog } from './log.js'

/** A stream into the producer, in the hands of a script. */
export interface Driven {
  write(items: readonly Item[], array: boolean): void
  /** The source ends. */
  end(): void
  fail(error: Error): void
  /** Its reader wants no more. */
  leave(): void
  /** Its reader reads, or does not. */
  reading(on: boolean): void
}

/** Opens a stream as planned; an iterable has all its items from the start. */
export function drive(world: World, log: StreamLog, signal: AbortSignal, items: () => Item[], error: Error): Driven {
  const { form, serializer, onFailed } = log.plan
  const options = { ...recordOptions(world, serializer), signal }
  const failures = onFailed ? { onFailed: (ack: Ack<unknown>) => log.tell(ack) } : {}
  const { producer } = world
  switch (form) {
    case 'send':
    case 'sendBatches':
    case 'publish Observable':
      return pushed(producer, log, options)
    case 'publish iterable':
      return iterated(producer, log, options, items, error)
    case 'publish async iterable':
      return pulled(producer, log, options, asyncIterable(log))
    case 'publish Readable':
      return pulled(producer, log, options, readable(log))
    case 'publish web stream':
      return pulled(producer, log, options, webStream(log))
    case 'writable':
      return nodeStream(log, producer.writable({ ...options, ...failures } as never))
    case 'duplex': {
      const duplex = producer.duplex(options as never) as AckDuplex<unknown>
      duplex.on('data', (ack: Ack<unknown>) => log.tell(ack))
      return nodeStream(log, duplex)
    }
    case 'webWritable':
      return webSink(log, producer.webWritable({ ...options, ...failures } as never), undefined)
    case 'webTransform': {
      const { writable, readable } = producer.webTransform(options as never)
      return webSink(log, writable, readable)
    }
  }
}

const NOTHING = {
  write: (): void => {},
  end: (): void => {},
  fail: (): void => {},
  leave: (): void => {},
  reading: (): void => {},
}

function watch(log: StreamLog, acks$: Observable<Ack<unknown> | BatchAck<unknown>>): Pick<Driven, 'leave'> {
  const subscription = acks$.subscribe({
    next: ack => {
      if (!('count' in ack)) log.tell(ack)
      else for (const one of ack) log.tell(one)
    },
    error: error => log.end('error', error),
    complete: () => log.end('complete'),
  })
  return {
    leave: () => {
      if (log.over) return
      subscription.unsubscribe()
      log.end('left')
    },
  }
}

function pushed(producer: Producer, log: StreamLog, options: SendOptions): Driven {
  const source = new Subject<Item>()
  const { form } = log.plan
  const acks$: Observable<Ack<unknown> | BatchAck<unknown>> =
    form === 'send'
      ? source.pipe(producer.send(options))
      : form === 'sendBatches'
        ? source.pipe(producer.sendBatches(options))
        : producer.publish(source, options)
  return {
    ...NOTHING,
    ...watch(log, acks$),
    write: items => {
      for (const item of items) source.next(item)
    },
    end: () => source.complete(),
    fail: error => source.error(error),
  }
}

function iterated(producer: Producer, log: StreamLog, options: SendOptions, items: () => Item[], error: Error): Driven {
  const source = (function* () {
    try {
      yield* items()
      log.causes.add(log.plan.fails ? 'fail' : 'end')
      if (log.plan.fails) throw error
    } finally {
      log.sourceLeft++
    }
  })()
  return { ...NOTHING, ...watch(log, producer.publish<unknown>(source, options)) }
}

/** A source that is asked for its items. */
type Pulled = { readonly source: Source<Item> } & Pick<Driven, 'write' | 'end' | 'fail'>

function pulled(producer: Producer, log: StreamLog, options: SendOptions, { source, ...given }: Pulled): Driven {
  return { ...NOTHING, ...given, ...watch(log, producer.publish<unknown>(source, options)) }
}

function asyncIterable(log: StreamLog): Pulled {
  const queue: Item[] = []
  let wake: () => void = () => {}
  let ended = false
  let failure: Error | undefined
  const next = async (): Promise<IteratorResult<Item>> => {
    for (;;) {
      const item = queue.shift()
      if (item !== undefined) return { done: false, value: item }
      if (failure !== undefined) throw failure
      if (ended) return { done: true, value: undefined }
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  const done = async (): Promise<IteratorResult<Item>> => {
    log.sourceLeft++
    return { done: true, value: undefined }
  }
  return {
    source: { [Symbol.asyncIterator]: () => ({ next, return: done }) },
    write: items => {
      queue.push(...items)
      wake()
    },
    end: () => {
      ended = true
      wake()
    },
    fail: error => {
      failure = error
      wake()
    },
  }
}

function readable(log: StreamLog): Pulled {
  const source = new Readable({ objectMode: true, read: () => {} })
  let ended = false
  source.on('error', () => {})
  source.on('close', () => {
    if (!source.readableEnded && source.errored === null) log.sourceLeft++
  })
  return {
    source,
    write: items => {
      if (!ended) for (const item of items) source.push(item)
    },
    end: () => {
      if (!ended) source.push(null)
      ended = true
    },
    // A Readable that is destroyed loses what it has not given yet.
    fail: error => {
      source.destroy(error)
      ended = true
    },
  }
}

function webStream(log: StreamLog): Pulled {
  let controller!: ReadableStreamDefaultController<Item>
  let over = false
  const source = new ReadableStream<Item>({
    start: given => {
      controller = given
    },
    cancel: () => {
      over = true
      log.sourceLeft++
    },
  })
  const unlessOver =
    <A extends unknown[]>(action: (...args: A) => void, ends: boolean) =>
    (...args: A): void => {
      if (over) return
      over = ends
      action(...args)
    }
  return {
    source,
    write: unlessOver((items: readonly Item[]) => {
      for (const item of items) controller.enqueue(item)
    }, false),
    end: unlessOver(() => controller.close(), true),
    fail: unlessOver((error: Error) => controller.error(error), true),
  }
}

type NodeStream = ReturnType<Producer['writable']> & Partial<Pick<Readable, 'pause' | 'resume'>>

function nodeStream(log: StreamLog, stream: NodeStream): Driven {
  const seen: string[] = []
  let error: Error | undefined
  for (const name of ['finish', 'end', 'error', 'close'] as const) {
    stream.on(name, reason => {
      if (seen.includes(name)) log.wrong.push(`'${name}' is emitted twice`)
      if (seen.includes('close')) log.wrong.push(`'${name}' is emitted after 'close'`)
      seen.push(name)
      if (name === 'error') error = reason
      if (name !== 'close') return
      const whole = seen.includes('finish') && (log.plan.form === 'writable' || seen.includes('end'))
      log.end(error !== undefined ? 'error' : whole ? 'complete' : 'left', error)
    })
  }
  return {
    write: (items, array) => {
      // Node says itself what it thinks of writing to what has ended.
      if (stream.destroyed || stream.writableEnded) return
      for (const chunk of array ? [items] : items) {
        stream.write(chunk, log.writing(array ? items : [chunk as Item]))
      }
    },
    end: () => {
      if (!stream.destroyed && !stream.writableEnded) stream.end()
    },
    fail: reason => stream.destroy(reason),
    leave: () => stream.destroy(),
    reading: on => (on ? stream.resume?.() : stream.pause?.()),
  }
}

function webSink(
  log: StreamLog,
  writable: WritableStream<unknown>,
  readable: ReadableStream<Ack<unknown>> | undefined,
): Driven {
  const writer = writable.getWriter()
  const reader = readable?.getReader()
  let ended = false
  let resume: (() => void) | undefined
  let reads = true
  let left = false
  let sink: 'open' | 'closed' | { readonly error: unknown } = 'open'
  writer.ready.catch(() => {})
  writer.closed.then(
    () => {
      sink = 'closed'
      if (reader === undefined) log.end('complete')
    },
    error => {
      sink = { error }
      if (reader === undefined) log.end(left ? 'left' : 'error', error)
    },
  )
  const read = async (): Promise<void> => {
    for (;;) {
      if (!reads) {
        await new Promise<void>(resolve => {
          resume = resolve
        })
      }
      const { done, value } = await reader!.read()
      if (done) return
      log.tell(value)
    }
  }
  if (reader !== undefined) {
    read().then(
      () => {
        log.end(left ? 'left' : 'complete')
        if (left) return
        log.inTheEnd.push({ holds: () => sink === 'closed', what: 'its acks have ended, and its records have not' })
      },
      error => {
        log.end('error', error)
        const same = (): boolean => typeof sink === 'object' && sink.error === error
        log.inTheEnd.push({ holds: same, what: 'its two ends have not failed for one reason' })
      },
    )
    log.inTheEnd.push({ holds: () => sink !== 'open', what: 'its writer was never told of the end' })
  }
  return {
    write: (items, array) => {
      if (ended) return
      for (const chunk of array ? [items] : items) {
        const written = log.writing(array ? items : [chunk as Item])
        // An abort without a reason rejects with none.
        writer.write(chunk).then(
          () => written(),
          error => written(error ?? 'rejected'),
        )
      }
    },
    end: () => {
      if (!ended) writer.close().catch(() => {})
      ended = true
    },
    fail: reason => {
      ended = true
      writer.abort(reason).catch(() => {})
    },
    leave: () => {
      if (log.over) return
      left = true
      ended = true
      if (reader === undefined) writer.abort().catch(() => {})
      else reader.cancel(new Error('the reader has left')).catch(() => {})
      reads = true
      resume?.()
    },
    reading: on => {
      reads = on
      if (on) resume?.()
    },
  }
}
