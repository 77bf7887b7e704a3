import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProducerRecord } from '../../src/index.js'
import { startWorld, type World } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 10 }

/** Records without end. */
function endless(): { stream: ReadableStream<ProducerRecord>; left: () => unknown } {
  let left: unknown
  const stream = new ReadableStream<ProducerRecord>({
    pull: controller => controller.enqueue({ topic: 't', value: 'x'.repeat(100) }),
    cancel(reason) {
      left = reason
    },
  })
  return { stream, left: () => left }
}

/** A promise that is looked at: what it came to, once it has. */
function outcomeOf(promise: Promise<unknown>): { readonly over: boolean; readonly error: unknown } {
  const outcome = { over: false, error: undefined as unknown }
  promise.then(
    () => Object.assign(outcome, { over: true }),
    error => Object.assign(outcome, { over: true, error }),
  )
  return outcome
}

/** Until the reader has as many acks as it wants, and a write waits for it. */
const untilBlocked = async (world: World): Promise<void> => {
  await world.time.until(() => world.cluster.records('t', 0).length > 0)
  await world.time.until(world.producer.flush())
  await world.time.advance(100)
}

test('webTransform(): cancelled by its reader while a write waits for it: the pipe ends, and the source with it', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const { stream, left } = endless()
  const { writable, readable } = world.producer.webTransform()
  const piped = outcomeOf(stream.pipeTo(writable))
  await untilBlocked(world)
  assert.ok(!piped.over)
  const enough = new Error('enough')
  await readable.cancel(enough)
  await world.time.until(() => piped.over)
  assert.deepEqual([piped.error, left()], [enough, enough])
  await world.end()
})

test('webTransform(): left by `break`, its source is cancelled', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const { stream, left } = endless()
  const reading = (async () => {
    for await (const ack of stream.pipeThrough(world.producer.webTransform())) {
      assert.equal(ack.kind, 'acked')
      break
    }
  })()
  await world.time.until(reading)
  await world.time.advance(100)
  assert.equal(stream.locked, false)
  assert.equal(left(), undefined)
  await world.end()
})
