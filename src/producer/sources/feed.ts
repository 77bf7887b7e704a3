import type { Intake } from './intake.js'

/** One chunk of a stream: a single value, or an array of values. */
export type Chunk<I> = I | readonly I[]

/**
 * Feeds a chunk to an intake as buffer memory permits, and calls back when there is memory for more, or with the reason why there will be
 * none. Yields to the event loop from time to time. If the intake stops first, it never calls back: the stream ends when it is owed no
 * more acks.
 */
export function feed<I>(intake: Intake<I>, chunk: Chunk<I>, done: (error?: Error) => void): void {
  if (Array.isArray(chunk)) feedFrom(intake, chunk, 0, done)
  else if (!intake.hasRoom) feedFrom(intake, [chunk as I], 0, done)
  else {
    intake.next(chunk as I)
    feedFrom(intake, NOTHING, 0, done)
  }
}

const NOTHING: readonly never[] = []

/** Values after which feeding yields to the event loop: a stream that always has one would keep sockets from being served. */
const BURST = 1024

function feedFrom<I>(intake: Intake<I>, values: readonly I[], from: number, done: (error?: Error) => void): void {
  let next = from
  while (next < values.length && intake.hasRoom && !intake.stopped) intake.next(values[next++]!)
  if (intake.stopped) return
  if (next === values.length && intake.hasRoom) {
    const tired = Math.floor(intake.given / BURST) > Math.floor((intake.given - Math.max(next, 1)) / BURST)
    if (tired) setImmediate(done)
    else done()
    return
  }
  intake.whenWritable(error => {
    if (error === undefined) feedFrom(intake, values, next, done)
    else done(error)
  })
}
