import type { Schedule } from './schedule.js'

/**
 * A smaller schedule that still fails: takes steps, streams, bursts and settings away, and halves numbers, for as long as
 * what is left fails.
 *
 * @param candidates gives simpler schedules, those that take most away first.
 * @param fails runs a schedule, and tells whether it still shows what is looked for.
 * @param budget how many runs that may take.
 */
export async function shrink<S>(
  schedule: S,
  candidates: (schedule: S) => Iterable<S>,
  fails: (candidate: S) => Promise<boolean>,
  budget = 1500,
): Promise<S> {
  let smallest = schedule
  for (let progress = true; progress; ) {
    progress = false
    for (let index = 0; budget > 0; budget--) {
      // Candidates are those of the smallest so far: after a success the index goes on with what is left to try.
      const candidate = nth(candidates(smallest), index)
      if (candidate === undefined) break
      if (await fails(candidate)) {
        smallest = candidate
        progress = true
      } else index++
    }
    if (budget <= 0) break
  }
  return smallest
}

function nth<T>(values: Iterable<T>, index: number): T | undefined {
  for (const value of values) if (index-- === 0) return value
  return undefined
}

/** Simpler schedules, those that take most away first. */
export function* candidates(schedule: Schedule): Generator<Schedule> {
  const { steps, streams, producer, cluster } = schedule
  for (const left of without(steps)) yield { ...schedule, steps: left }
  for (const left of without(streams)) yield { ...schedule, streams: left }
  for (const [i, stream] of streams.entries()) {
    for (const bursts of without(stream.bursts)) {
      yield { ...schedule, streams: streams.with(i, { ...stream, bursts }) }
    }
  }
  for (const name of Object.keys(producer)) {
    const { [name as keyof typeof producer]: _, ...left } = producer
    yield { ...schedule, producer: left }
  }
  yield* simpler(schedule, 'cluster', cluster)
  yield* simpler(schedule, 'producer', producer)
  for (const [i, step] of steps.entries()) {
    for (const one of values(step)) yield { ...schedule, steps: steps.with(i, one) }
  }
  for (const [i, stream] of streams.entries()) {
    for (const one of values(stream)) yield { ...schedule, streams: streams.with(i, one) }
  }
}

function* simpler<K extends 'cluster' | 'producer'>(
  schedule: Schedule,
  key: K,
  value: Schedule[K],
): Generator<Schedule> {
  for (const one of values(value)) yield { ...schedule, [key]: one }
}

/** A list without its halves, quarters, … and single elements. */
export function* without<T>(list: readonly T[]): Generator<T[]> {
  for (let size = list.length; size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < list.length; from += size) yield [...list.slice(0, from), ...list.slice(from + size)]
  }
}

/** What times, counts and sizes can be: those that were left out are 0 or 1 anyway. */
export function* values<T>(value: T): Generator<T> {
  if (typeof value === 'number') {
    for (const smaller of new Set([0, 1, Math.floor(value / 2), value - 1])) {
      if (smaller >= 0 && smaller < value) yield smaller as T
    }
  } else if (Array.isArray(value)) {
    for (const [i, element] of value.entries()) {
      for (const one of values(element)) yield value.with(i, one) as T
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      // Codes and names are no amounts; a timeout below what the network takes fails for that reason alone.
      if (name === 'code' || name === 'topic' || name.endsWith('TimeoutMs')) continue
      if (typeof field === 'boolean' && field) yield { ...value, [name]: false }
      for (const one of values(field)) yield { ...value, [name]: one }
    }
  }
}
