import type { Intake } from './intake.js'

/** What a stream may be given at a time: one, or several. */
export type Chunk<I> = I | readonly I[]

/**
 * Puts what a stream was given into an intake, no faster than there is room, and calls back when there is room for more:
 * at once, if there is, but for a short rest from time to time; or with the reason why there will be none. Where the intake stops before, it never calls back: the
 * stream ends when it is owed nothing any more.
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

/** After so many values the event loop is left to others: a stream that always has some would keep sockets from being served. */
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
