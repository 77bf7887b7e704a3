import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topText } from '../../src/dashboard/index.js'
import { watchTop } from '../../src/dashboard/top/watch-top.js'
import type { PartitionMetrics, ProducerMetrics } from '../../src/index.js'
import { VirtualTime } from '../../src/testing/index.js'
import { startWorld } from '../support/world.js'

const world = () => startWorld({ cluster: { topics: { t: { partitions: 3 } } } })

async function metrics(): Promise<ProducerMetrics> {
  const { producer, time, end } = await world()
  for (const partition of [0, 1, 2]) await time.until(producer.sendOne({ topic: 't', partition, value: 'a' }))
  const read = producer.metrics()
  await end()
  return read
}

const partition = (base: ProducerMetrics, given: Partial<PartitionMetrics>): PartitionMetrics => ({
  ...base.partitions[0]!,
  ...given,
})

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

test('the text has brokers with their windows, and partitions with their states', async () => {
  const base = await metrics()
  const text = topText({
    ...base,
    recordAckTotal: 12_345,
    bufferUsedBytes: 16_777_216,
    bufferTotalBytes: 33_554_432,
    waitingSources: 2,
    brokers: [{ ...base.brokers[0]!, requestsInFlight: 3, throttleTimeTotal: 250 }],
    partitions: [
      partition(base, { partition: 0, state: 'open', batchesInFlight: 3 }),
      partition(base, { partition: 1, state: 'draining', batchesWaiting: 7, bufferUsedBytes: 1234 }),
      partition(base, { partition: 2, leader: -1, state: 'paused' }),
    ],
  })
  assert.match(text, /acked 12,345/)
  assert.match(text, /^buffer {4}\[#{10} {10}\] 16\.8 MB of 33\.6 MB, 2 sources wait$/m)
  assert.match(text, /^1 +■■■· 3\/4 .* 250 ms$/m)
  assert.match(text, /^t-1 +1 +muted +7 +0 +1\.2 kB$/m)
  assert.match(text, /^t-2 +none +paused/m)
  assert.match(text, /^t-0 +1 +open +0 +3/m)
  assert.ok(text.indexOf('t-1') < text.indexOf('t-0'), 'those that do not get on come first')
})

test('it fits the screen, and says what it leaves out', async () => {
  const base = await metrics()
  const partitions = Array.from({ length: 100 }, (_, i) => partition(base, { partition: i, topic: 'x'.repeat(200) }))
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
    [200, 50],
  ] as const) {
    const lines = topText({ ...base, partitions }, { columns, rows }).split('\n')
    assert.ok(lines.length <= rows, `${lines.length} lines`)
    assert.ok(Math.max(...lines.map(line => line.length)) <= columns, `${columns} columns`)
    if (columns >= 80) assert.match(lines.at(-1)!, /^and \d\d more partitions$/)
  }
})

test('no control character of a topic or a URL reaches the terminal', async () => {
  const base = await metrics()
  const hostile = '\u001b[2J\u001b]0;x\u0007\r\n\u202eevil\u0000\u009b1m'
  // What another process answers need not be metrics.
  const foreign = { topic: hostile, state: hostile as 'open', leader: hostile as unknown as number }
  const text = topText({ ...base, partitions: [partition(base, foreign)] }, { columns: 200 })
  for (const line of text.split('\n')) assert.doesNotMatch(line, CONTROL)
  assert.match(text, /evil/)
})

test('on a terminal it is written in place every second, and goes on after an outage; elsewhere once', async () => {
  const base = await metrics()
  const time = new VirtualTime()
  const answers: (() => Promise<unknown>)[] = [
    () => Promise.resolve(base),
    () => Promise.reject(new Error('refused\u001b[2J')),
    () => Promise.resolve(base),
  ]
  const screen = { isTTY: true, columns: 80, rows: 24 }
  const frames: string[] = []
  const watching = watchTop('http://h:1', screen, () => answers.shift()!(), time).subscribe(text => frames.push(text))
  await time.advance(2_500)
  watching.unsubscribe()
  assert.equal(frames.length, 3)
  assert.deepEqual(
    frames.map(text => text.slice(0, 7)),
    ['\u001b[2J\u001b[H', '\u001b[Hther', '\u001b[Hreco'],
  )
  assert.match(frames[1]!, /there is no dashboard at http:\/\/h:1: refused\\u001b\[2J;/)
  assert.equal(time.pending, 0)
  const once: string[] = []
  watchTop('http://h:1', {}, () => Promise.resolve(base)).subscribe(text => once.push(text))
  await time.advance(0)
  assert.deepEqual([once.length, once[0]!.includes('\u001b')], [1, false])
})

test('what is no dashboard is told at once', async () => {
  const failed = async (answer: () => Promise<unknown>): Promise<string> => {
    let message = ''
    watchTop('http://h:1', { isTTY: true }, answer).subscribe({ error: error => (message = error.message) })
    while (message === '') await new Promise(setImmediate)
    return message
  }
  assert.match(
    await failed(() => Promise.reject(new Error('ECONNREFUSED'))),
    /there is no dashboard at .*ECONNREFUSED; .*serveDashboard/,
  )
  assert.match(await failed(() => Promise.resolve({ hello: 1 })), /not the metrics of a producer/)
})
