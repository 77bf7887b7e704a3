import { from, type ObservableInput, Subscription } from 'rxjs'
import { BufferFullError, InvalidArgumentError } from '../../errors.js'
import type { Intake } from './intake.js'

/** Any source whose records can be published: every `ObservableInput` of RxJS, and web streams. */
export type Source<T> = ObservableInput<T> | ReadableStream<T>

/** Values after which reading yields to the event loop: a source that always has one would keep sockets from being served. */
const BURST = 1024

/**
 * Reads a source into an intake. Iterables, async iterables, Readables and web streams are asked for the next value only while there is
 * buffer memory. An Observable is subscribed to as it is. When the intake stops, it leaves the source: closes an iterator, destroys a
 * Readable, cancels a web stream.
 */
export function pull<T>(source: Source<T>, intake: Intake<T>): Subscription {
  if (!isPulled(source)) return intake.observe(from(source as ObservableInput<T>))
  const values = valuesOf(source)
  const reading = 'sync' in values ? readSync(values.sync, intake) : readAsync(values.async, values.leave, intake)
  reading.then(
    () => intake.complete(),
    error => intake.error(error),
  )
  return Subscription.EMPTY
}

/** @throws {InvalidArgumentError} when `source` is none of the kinds that can be read. */
export function checkSource(source: unknown): void {
  if (typeof source === 'object' && source !== null) {
    const { length, subscribe, then } = source as { length?: unknown; subscribe?: unknown; then?: unknown }
    if (isPulled(source) || [subscribe, then].some(method => typeof method === 'function')) return
    if (typeof length === 'number' || Symbol.for('observable') in source || '@@observable' in source) return
  }
  throw new InvalidArgumentError(
    `publish() accepts an Observable, an iterable, an async iterable, a Readable, a web stream or a promise, got ${kind(source)}`,
  )
}

function kind(source: unknown): string {
  if (typeof source !== 'object') return typeof source
  if (source === null) return 'null'
  return 'topic' in source ? 'a record; use sendOne(record) or publish([record])' : 'an object that is none of these'
}

/** Whether a source can be asked for its values one by one. */
export function isPulled(source: object): boolean {
  return Symbol.asyncIterator in source || Symbol.iterator in source || isReadableStream(source)
}

type Values<T> =
  | { readonly sync: Iterable<T> }
  | {
      readonly async: Pick<AsyncIterator<T>, 'next'>
      /** Ends a source, even while it waits for a value. */
      readonly leave: () => unknown
    }

function valuesOf<T>(source: Source<T>): Values<T> {
  if (isReadableStream(source)) {
    const reader = source.getReader()
    const next = () => reader.read() as Promise<IteratorResult<T>>
    return { async: { next }, leave: () => reader.cancel() }
  }
  if (Symbol.asyncIterator in source) {
    const iterator = (source as AsyncIterable<T>)[Symbol.asyncIterator]()
    // The iterator of a Readable that waits for data would close only when there is some.
    return { async: iterator, leave: () => (isReadable(source) ? source.destroy() : iterator.return?.()) }
  }
  return { sync: source as Iterable<T> }
}

async function readSync<T>(values: Iterable<T>, intake: Intake<T>): Promise<void> {
  while (isFull(intake)) await room(intake)
  let taken = 0
  for (const value of values) {
    // The source's own code may have sent something.
    while (isFull(intake)) await room(intake)
    if (intake.stopped) return
    intake.next(value)
    if (++taken % BURST === 0) await new Promise(resolve => setImmediate(resolve))
    while (isFull(intake)) await room(intake)
    if (intake.stopped) return
  }
}

async function readAsync<T>(
  values: Pick<AsyncIterator<T>, 'next'>,
  leave: () => unknown,
  intake: Intake<T>,
): Promise<void> {
  const leaveQuietly = async (): Promise<void> => {
    try {
      await leave()
    } catch {
      // The stream has ended: there is nowhere to report it.
    }
  }
  let taken = 0
  const left = intake.stopped$.subscribe(() => void leaveQuietly())
  try {
    while (!intake.stopped) {
      while (isFull(intake)) await room(intake)
      const { done, value } = await values.next()
      if (done) break
      while (isFull(intake)) await room(intake)
      intake.next(value)
      if (++taken % BURST === 0) await new Promise(resolve => setImmediate(resolve))
    }
  } catch (error) {
    if (error instanceof BufferFullError) void leaveQuietly()
    throw error
  } finally {
    left.unsubscribe()
  }
}

/** Checked synchronously before each value: others that wait for memory may be quicker. */
function isFull(intake: Pick<Intake, 'hasRoom' | 'stopped'>): boolean {
  return !intake.hasRoom && !intake.stopped
}

/** Resolves when there is memory, or the intake has stopped; rejects when there will be none. */
function room(intake: Pick<Intake, 'whenWritable'>): Promise<void> {
  return new Promise((resolve, reject) => {
    intake.whenWritable(error => (error === undefined ? resolve() : reject(error)))
  })
}

function isReadableStream(source: object): source is ReadableStream {
  return typeof (source as ReadableStream).getReader === 'function'
}

function isReadable(source: object): source is NodeJS.ReadableStream & { destroy(): void } {
  const { destroy, on } = source as { destroy?: unknown; on?: unknown }
  return typeof destroy === 'function' && typeof on === 'function'
}
