import type { Intake } from '../producer/intake.js'

/** What a stream may be given at a time: one, or several. */
export type Chunk<I> = I | readonly I[]

/**
 * Puts what a stream was given into an intake, no faster than there is room, and calls back when there is room for more:
 * at once, if there is.
 */
export function feed<I>(intake: Intake<I>, chunk: Chunk<I>, done: (error?: Error) => void): void {
  if (!Array.isArray(chunk) && intake.hasRoom && !intake.stopped) {
    intake.next(chunk as I)
    if (intake.hasRoom) done()
    else intake.whenRoom(done)
    return
  }
  feedFrom(intake, Array.isArray(chunk) ? chunk : [chunk as I], 0, done)
}

function feedFrom<I>(intake: Intake<I>, values: readonly I[], from: number, done: (error?: Error) => void): void {
  if (intake.stopped) {
    done(intake.refusal)
    return
  }
  let next = from
  while (next < values.length && intake.hasRoom) intake.next(values[next++]!)
  if (next === values.length && intake.hasRoom) {
    done()
    return
  }
  intake.whenRoom(error => {
    if (error === undefined) feedFrom(intake, values, next, done)
    else done(error)
  })
}
