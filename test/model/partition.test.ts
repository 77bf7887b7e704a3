import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { explore } from './explore.js'
import type { Bounds } from './world.js'

/** The window is open, and three more batches are to come. */
const OPEN: Bounds = {
  batches: [1, 1, 1, 1],
  open: true,
  window: 4,
  faults: 0,
  kinds: ['rejected', 'failedAfterAppend', 'refused', 'cut'],
  moves: 0,
  losesTail: false,
  expiries: 0,
  anyExpires: false,
  refreshes: 0,
  closes: false,
  retries: Number.POSITIVE_INFINITY,
  strict: false,
  firstSequence: 0,
  firstEpoch: 0,
}

const explorations: Record<string, Partial<Bounds>> = {
  'nothing goes wrong: five requests in a window of five': { batches: [1, 1, 1, 1, 1, 1], window: 5 },
  'two faults, a new leader and an expiry': { faults: 2, moves: 1, expiries: 1 },
  'two faults, and a new leader that lacks what was not confirmed': { faults: 2, moves: 1, losesTail: true },
  'two faults and a new leader, before the first success': {
    batches: [1, 1, 1],
    open: false,
    faults: 2,
    moves: 1,
  },
  'four in flight: a fault and a new leader': { batches: [1, 1, 1, 1, 1], faults: 1, moves: 1 },
  'four in flight, two rejections and an expiry': {
    batches: [1, 1, 1, 1, 1],
    faults: 2,
    kinds: ['rejected'],
    expiries: 1,
    anyExpires: true,
  },
  'four in flight, three of them stored though it failed': {
    batches: [1, 1, 1, 1, 1],
    faults: 3,
    kinds: ['failedAfterAppend'],
  },
  'codes that nobody knows, before and after the append': {
    faults: 2,
    kinds: ['unknownCode', 'unknownCodeAfterAppend', 'refused', 'cut'],
    expiries: 1,
  },
  'a fault, and three expiries': { faults: 1, expiries: 3, anyExpires: true },
  'a fault, a new leader, an expiry, and the producer is closed': { faults: 1, moves: 1, expiries: 1, closes: true },
  'batches that are too large, across the wrap of sequences': {
    batches: [1, 2, 1, 2],
    firstSequence: 2_147_483_645,
    faults: 2,
    kinds: ['tooLarge', 'failedAfterAppend', 'cut'],
    expiries: 1,
    anyExpires: true,
  },
  'bad records that are named, and an expiry': {
    batches: [1, 3, 1, 2],
    faults: 2,
    kinds: ['named', 'rejected', 'failedAfterAppend', 'cut'],
    expiries: 1,
    anyExpires: true,
  },
  'bad records that are not named, across the wrap of sequences': {
    batches: [1, 3, 2],
    firstSequence: 2_147_483_645,
    faults: 4,
    kinds: ['refused', 'named', 'failedAfterAppend', 'cut'],
  },
  'bad records that are not named, a new leader and an expiry': {
    batches: [1, 3, 1],
    faults: 2,
    kinds: ['refused', 'cut'],
    moves: 1,
    expiries: 1,
    anyExpires: true,
  },
  'batches that are called corrupt': {
    batches: [1, 3, 2],
    faults: 4,
    kinds: ['corrupt', 'rejected', 'cut'],
    expiries: 1,
  },
  'bad records, and a broker that forgets the producer': {
    batches: [1, 2, 2],
    faults: 3,
    kinds: ['refused', 'named', 'forget', 'cut'],
    expiries: 1,
    strict: true,
  },
  'the last epoch of a producer id': {
    firstEpoch: 32_767,
    faults: 2,
    kinds: ['displaced', 'fenced', 'refused', 'cut'],
    expiries: 1,
  },
  'a fault, a new leader, and metadata that says nothing new': { faults: 1, moves: 1, refreshes: 2 },
  'a retry limit of one': { faults: 3, kinds: ['rejected', 'failedAfterAppend', 'cut'], retries: 1 },
  'a cut connection, and a broker that starts again': {
    faults: 3,
    kinds: ['cut', 'restart'],
    moves: 1,
  },
  'a broker that starts again, rejections and an expiry': {
    faults: 3,
    kinds: ['rejected', 'cut', 'restart'],
    expiries: 1,
  },
  'a broker that starts again, errors and an expiry': {
    faults: 2,
    kinds: ['rejected', 'failedAfterAppend', 'cut', 'restart'],
    expiries: 1,
  },
  'the broker forgets the producer, and takes it up where it is': {
    faults: 2,
    kinds: ['forget', 'rejected', 'failedAfterAppend', 'refused', 'cut'],
    expiries: 1,
  },
  'the broker forgets the producer, and takes sequence 0 only': {
    faults: 2,
    kinds: ['forget', 'rejected', 'failedAfterAppend', 'refused', 'cut'],
    strict: true,
  },
}

describe('the partition against the rules of a broker, every interleaving', () => {
  for (const [name, bounds] of Object.entries(explorations)) {
    test(name, context => {
      const { states, transitions, depth, over } = explore({ ...OPEN, ...bounds })
      context.diagnostic(
        `${states} states, ${transitions} transitions, up to ${depth} steps, ${over} of them at an end`,
      )
      assert.ok(over > 0)
    })
  }
})
