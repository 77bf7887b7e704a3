import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { InvalidArgumentError, type ProducerOptions } from '../../src/index.js'
import { resolveOptions } from '../../src/producer/options/options.js'
import type { TiedOptions } from '../../src/producer/options/ties.js'

const MAX = 2147483647
/** What the largest record takes beside its bytes. */
const COST = 500

type Name = keyof TiedOptions

/** The documented range of each. */
const RANGES: { readonly [K in Name]: readonly [least: number, most: number] } = {
  batchSize: [1, MAX],
  maxRequestSize: [1024, MAX],
  bufferMemory: [1024 + COST, Number.MAX_SAFE_INTEGER],
  linger: [0, MAX - 1],
  requestTimeoutMs: [1, MAX],
  deliveryTimeoutMs: [1, MAX],
  retryBackoffMs: [1, MAX],
  retryBackoffMaxMs: [1, MAX],
}
const NAMES = Object.keys(RANGES) as Name[]

const resolve = (options: Partial<ProducerOptions>): TiedOptions => resolveOptions({ brokers: ['a'], ...options })

/** Any value of an option, with those at the ends of its range and near the defaults as likely as the rest. */
const anyValue = (name: Name): fc.Arbitrary<number> => {
  const [min, max] = RANGES[name]
  const usual = resolve({})[name]
  return fc.oneof(
    fc.integer({ min, max }),
    fc.constantFrom(min, min + 1, max - 1, max),
    fc.integer({ min: Math.max(min, usual - 2000), max: Math.min(max, usual + 2000) }),
  )
}

/** Any choice of these options, each with any value of its range. */
const someOf = (names: readonly Name[]): fc.Arbitrary<Partial<TiedOptions>> =>
  fc.record(Object.fromEntries(names.map(name => [name, anyValue(name)])), { requiredKeys: [] })

/** Whether what was set can be filled up to something that holds every documented rule. */
function holdsTogether(set: Partial<TiedOptions>): boolean {
  const least = (name: Name): number => set[name] ?? RANGES[name][0]
  const most = (name: Name): number => set[name] ?? RANGES[name][1]
  return (
    least('batchSize') <= most('maxRequestSize') &&
    Math.max(least('maxRequestSize'), least('batchSize')) + COST <= most('bufferMemory') &&
    (set.linger ?? 0) + least('requestTimeoutMs') <= most('deliveryTimeoutMs') &&
    least('retryBackoffMs') <= most('retryBackoffMaxMs')
  )
}

/** What was resolved has what was set, is within every range, and holds every rule. */
function check(set: Partial<TiedOptions>, resolved: TiedOptions): void {
  for (const name of NAMES) {
    const [min, max] = RANGES[name]
    if (set[name] !== undefined) assert.equal(resolved[name], set[name], name)
    assert.ok(Number.isInteger(resolved[name]) && resolved[name] >= min && resolved[name] <= max, name)
  }
  assert.ok(resolved.batchSize <= resolved.maxRequestSize)
  assert.ok(resolved.maxRequestSize + COST <= resolved.bufferMemory)
  assert.ok(resolved.linger + resolved.requestTimeoutMs <= resolved.deliveryTimeoutMs)
  assert.ok(resolved.retryBackoffMs <= resolved.retryBackoffMaxMs)
}

describe('a default follows what was set', () => {
  it('any single option is accepted, with any value of its range', () => {
    for (const name of NAMES) {
      fc.assert(
        fc.property(anyValue(name), value => {
          const set = { [name]: value }
          check(set, resolve(set))
        }),
      )
    }
  })

  it('any two options are accepted when their own rule holds', () => {
    const two = fc.shuffledSubarray(NAMES, { minLength: 2, maxLength: 2 }).chain(someOf).filter(holdsTogether)
    fc.assert(
      fc.property(two, set => check(set, resolve(set))),
      { numRuns: 2_000 },
    )
  })

  it('any options are accepted when their rules hold, and refused by the name of what was set when they do not', () => {
    fc.assert(
      fc.property(someOf(NAMES), set => {
        if (holdsTogether(set)) {
          check(set, resolve(set))
          return
        }
        assert.throws(
          () => resolve(set),
          (error: unknown) => {
            assert.ok(error instanceof InvalidArgumentError)
            const [, subject] = /^option `(\w+)` is/.exec(error.message) ?? []
            assert.ok(subject !== undefined && subject in set, error.message)
            const named = NAMES.filter(name => error.message.includes(`\`${name}\` (`))
            for (const name of named) assert.ok(name in set, error.message)
            return true
          },
        )
      }),
      { numRuns: 5_000 },
    )
  })

  for (const [set, followed] of [
    [{ deliveryTimeoutMs: 20_000 }, { requestTimeoutMs: 20_000 }],
    [{ deliveryTimeoutMs: 20_000, linger: 5_000 }, { requestTimeoutMs: 15_000 }],
    [{ requestTimeoutMs: 300_000 }, { deliveryTimeoutMs: 300_000 }],
    [{ linger: 100_000 }, { requestTimeoutMs: 30_000, deliveryTimeoutMs: 130_000 }],
    [{ linger: MAX - 1 }, { requestTimeoutMs: 1, deliveryTimeoutMs: MAX }],
    [{ batchSize: 2_000_000 }, { maxRequestSize: 2_000_000, bufferMemory: 33_554_432 }],
    [{ batchSize: 50_000_000 }, { maxRequestSize: 50_000_000, bufferMemory: 50_000_500 }],
    [{ maxRequestSize: 40_000_000 }, { batchSize: 262_144, bufferMemory: 40_000_500 }],
    [{ maxRequestSize: 10_000 }, { batchSize: 10_000 }],
    [{ bufferMemory: 100_000 }, { batchSize: 50_000, maxRequestSize: 50_000 }],
    [{ bufferMemory: 100_000, batchSize: 99_500 }, { maxRequestSize: 99_500 }],
    [{ bufferMemory: 1_524 }, { batchSize: 1_024, maxRequestSize: 1_024 }],
    [{ bufferMemory: 2 ** 33 }, { batchSize: 262_144, maxRequestSize: 1_000_000 }],
    [{ retryBackoffMaxMs: 50 }, { retryBackoffMs: 50 }],
    [{ retryBackoffMs: 5_000 }, { retryBackoffMaxMs: 5_000 }],
  ] as const) {
    it(`${JSON.stringify(set)} makes it ${JSON.stringify(followed)}`, () => {
      const resolved = resolve(set)
      assert.deepEqual(Object.fromEntries(Object.keys(followed).map(name => [name, resolved[name as Name]])), followed)
    })
  }
})

describe('two options that were set and contradict each other', () => {
  for (const [set, message] of [
    [
      { batchSize: 5_000, maxRequestSize: 4_999 },
      /`batchSize` is 5000, but it must not exceed `maxRequestSize` \(4999\)/,
    ],
    [
      { bufferMemory: 5_000, maxRequestSize: 4_501 },
      /`bufferMemory` is 5000, .* at least `maxRequestSize` \(4501\) and 500/,
    ],
    [
      { bufferMemory: 5_000, batchSize: 4_501 },
      /`bufferMemory` is 5000, .* at least `batchSize` \(4501\) and 500 more/,
    ],
    [
      { deliveryTimeoutMs: 10, linger: 10 },
      /`deliveryTimeoutMs` is 10, but it must be more than `linger` \(10\), or no req/,
    ],
    [
      { deliveryTimeoutMs: 10, requestTimeoutMs: 11 },
      /is 10, but it must be at least `requestTimeoutMs` \(11\), or no/,
    ],
    [
      { deliveryTimeoutMs: 10, requestTimeoutMs: 6, linger: 5 },
      /is 10, but it must be at least `linger` \+ `requestTimeoutMs` \(5 \+ 6\)/,
    ],
    [
      { linger: 2, requestTimeoutMs: MAX - 1 },
      /`linger` is 2, but it must be at most 2147483647, the longest `deliveryTimeoutMs`, less `requestTimeoutMs` \(2147483646\)/,
    ],
    [
      { retryBackoffMs: 500, retryBackoffMaxMs: 100 },
      /`retryBackoffMaxMs` is 100, .* at least `retryBackoffMs` \(500\)/,
    ],
  ] as const) {
    it(`${JSON.stringify(set)} are refused, and named`, () => {
      assert.throws(() => resolve(set), { name: 'InvalidArgumentError', message })
    })
  }
})
