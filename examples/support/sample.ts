import { createWriteStream } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const CATEGORIES = ['books', 'garden', 'kitchen', 'music', 'office', 'sports', 'toys', 'travel']
const CITIES = ['Aarhus', 'Bogotá', 'Kraków', 'Malmö', 'Nairobi', 'Osaka', 'Porto', 'Zürich']
const EVENTS = ['viewed', 'viewed', 'viewed', 'added', 'added', 'ordered', 'returned']
const REFERRERS = [null, null, 'search', 'newsletter', 'a friend', 'https://example.org/the-ten-best-teapots']
const CUSTOMERS = 2_000
const START = Date.UTC(2026, 0, 1)

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What happens in a web shop: a few customers do much, most do little, and time goes on. */
function* events(count: number, seed: number): Generator<string> {
  const random = seeded(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  let time = START
  for (let id = 1; id <= count; id++) {
    time += 1 + below(200)
    const items = Array.from({ length: 1 + Math.floor(random() ** 3 * 8) }, () => ({
      sku: `${pick(CATEGORIES)}-${below(10_000)}`,
      quantity: 1 + below(3),
      cents: 100 + below(9_900),
    }))
    const event = {
      id,
      customer: `c${Math.floor(random() ** 3 * CUSTOMERS)}`,
      event: pick(EVENTS),
      at: time,
      shop: { city: pick(CITIES), terminal: below(40) },
      referrer: pick(REFERRERS),
      items,
    }
    yield `${JSON.stringify(event)}\n`
  }
}

/**
 * Writes a file of events, one a line; the same file for the same count and seed. It appears when it is whole, so that
 * two jobs that make the same one do not disturb each other.
 */
export async function writeSample(path: string, count: number, seed = 1): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const unfinished = `${path}.${process.pid}`
  await pipeline(Readable.from(events(count, seed)), createWriteStream(unfinished))
  await rename(unfinished, path)
}
