import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SchedulerAction, SchedulerLike } from 'rxjs'
import type { ProducerOptions } from '../../src/index.js'
import { processScheduler } from '../../src/producer/time/process-scheduler.js'
import type { ClusterOptions, FaultRule } from '../../src/testing/index.js'
import { type Lies, startLyingWorld } from '../support/liar.js'
import { open } from '../support/world.js'

/** What Node's timers can run for; beyond that they fire at once, with a warning. */
const LONGEST = 2 ** 31 - 1
const DAYS = 100 * 86_400_000

/** Keeps what every timer was to run for. */
class Recorder implements SchedulerLike {
  readonly delays: number[] = []
  inner: SchedulerLike | undefined

  now(): number {
    return this.inner!.now()
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T) {
    this.delays.push(delay)
    return this.inner!.schedule(work, delay, state)
  }
}

interface Case {
  readonly producer?: Partial<ProducerOptions>
  readonly cluster?: Omit<ClusterOptions, 'scheduler' | 'network'>
  readonly lies?: Lies
  readonly faults?: readonly FaultRule[]
}

const throttled = <A extends { throttleTimeMs: number }>(answer: A): A => ({ ...answer, throttleTimeMs: LONGEST })
const FOR_EVER = { times: Number.POSITIVE_INFINITY }
const failing: FaultRule = { fault: { kind: 'error', code: 19 }, times: 3 }
const hanging: FaultRule = { fault: { kind: 'neverAnswer' }, times: 2 }

const cases: Readonly<Record<string, Case>> = {
  linger: { producer: { linger: LONGEST - 1, requestTimeoutMs: 1 } },
  deliveryTimeoutMs: { producer: { deliveryTimeoutMs: LONGEST }, faults: [failing] },
  requestTimeoutMs: { producer: { requestTimeoutMs: LONGEST }, faults: [hanging] },
  connectTimeoutMs: { producer: { connectTimeoutMs: LONGEST } },
  'retryBackoffMs, and its jitter': { producer: { retryBackoffMs: LONGEST, random: () => 0.999 }, faults: [failing] },
  'retryBackoffMs of 1.8e9': { producer: { retryBackoffMs: 1_800_000_000, random: () => 0.999 }, faults: [failing] },
  'retryBackoffMs, where nobody can be reached': {
    producer: { retryBackoffMs: LONGEST, random: () => 0.999, brokers: ['nobody:1'] },
  },
  'retryBackoffMaxMs, and its jitter': {
    producer: {
      retryBackoffMs: 1_000_000_000,
      retryBackoffMaxMs: LONGEST,
      deliveryTimeoutMs: LONGEST,
      random: () => 0.999,
    },
    faults: [{ ...failing, ...FOR_EVER }],
  },
  metadataMaxAgeMs: {},
  maxBlockMs: { producer: { maxBlockMs: LONGEST } },
  'throttle_time_ms of Produce': { lies: { Produce: throttled } },
  'throttle_time_ms of Produce, twice, while requests are in flight': {
    producer: { batchSize: 1 },
    cluster: { topics: { t: { partitions: 1 } }, replyDelayMs: 10 },
    // The first one opens the window.
    lies: { Produce: (answer, count) => (count === 1 ? answer : throttled(answer)) },
    faults: [{ ...hanging, ...FOR_EVER, after: 3 }],
  },
  'throttle_time_ms of Metadata': { lies: { Metadata: throttled } },
  'throttle_time_ms of InitProducerId': { lies: { InitProducerId: throttled } },
  'throttle_time_ms of ApiVersions': { lies: { ApiVersions: answer => ({ ...answer, throttleTimeMs: LONGEST }) } },
  'the lifetime of a SASL session': {
    cluster: { sasl: { users: { alice: 'p' }, sessionLifetimeMs: Number.MAX_SAFE_INTEGER } },
    producer: { sasl: { mechanism: 'plain', username: 'alice', password: 'p' } },
  },
}

for (const [name, { producer, cluster, lies = {}, faults = [] }] of Object.entries(cases)) {
  test(`the largest value of ${name}: no timer is to run for longer than it can`, async () => {
    const recorder = new Recorder()
    const world = await startLyingWorld(lies, {
      cluster: { topics: { t: { partitions: 1 } }, ...cluster },
      // Without it, metadata is asked for many times in so long a time.
      producer: { scheduler: recorder, metadataMaxAgeMs: LONGEST, ...producer },
      beforeStart: time => {
        recorder.inner = time
      },
    })
    for (const fault of faults) world.cluster.inject(fault)
    const { push, acks } = open(world.producer)
    for (let i = 0; i < 20; i++) push.next({ topic: 't', value: `v${i}` })
    const before = recorder.delays.length
    // A timer that fires at once, again and again, would not let time pass.
    await world.time.advance(DAYS)
    assert.ok(acks.values.length === 20 || acks.error !== undefined, `${acks.values.length} ends`)
    const wrong = recorder.delays.filter(delay => !(delay >= 0 && delay <= LONGEST))
    assert.deepEqual(wrong, [])
    assert.ok(recorder.delays.length > before)
    const closed = world.producer.close({ timeoutMs: LONGEST })
    await world.time.until(closed, DAYS)
    await world.end()
    assert.ok(recorder.delays.every(delay => delay <= LONGEST))
  })
}

test("the process's own scheduler: a timer that is too long runs for as long as it can, and not for a millisecond", async context => {
  const warnings: string[] = []
  const note = (warning: Error): void => void warnings.push(warning.name)
  process.on('warning', note)
  context.after(() => process.off('warning', note))
  let fired = false
  const timer = processScheduler.schedule(
    () => {
      fired = true
    },
    2 ** 31 + 30_000,
  )
  await new Promise(resolve => setTimeout(resolve, 20))
  timer.unsubscribe()
  assert.deepEqual([fired, warnings], [false, []])
})

test('a clock between two milliseconds: records are stamped with the first of them, and go on', async () => {
  const world = await startLyingWorld({}, { cluster: { topics: { t: { partitions: 1 } } } })
  const { push, acks } = open(world.producer)
  await world.time.advance(1234.75)
  push.next({ topic: 't', value: 'v' })
  await world.time.until(() => acks.values.length === 1, 1_000)
  assert.deepEqual(
    world.cluster.records('t', 0).map(({ timestamp }) => timestamp),
    [1234n],
  )
  await world.end()
})
