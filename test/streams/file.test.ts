import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'
import { lastValueFrom } from 'rxjs'
import { createProducer, type Producer } from '../../src/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

/* A real file, over real sockets, to a broker that takes 10 ms for each answer: the time that the file takes is the window's. */

const LINES = 50_000
const line = (i: number): string => `${i}`.padEnd(100, '.')

let folder: string
let file: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rx-kafka-'))
  file = join(folder, 'lines')
  await writeFile(file, Array.from({ length: LINES }, (_, i) => `${line(i)}\n`).join(''))
})
after(() => rm(folder, { recursive: true }))

/** Cuts text into lines, several at a time. */
function lines(): Transform {
  let rest = ''
  return new Transform({
    readableObjectMode: true,
    transform(chunk, _encoding, done) {
      const parts = `${rest}${chunk}`.split('\n')
      rest = parts.pop()!
      done(null, parts)
    },
  })
}

/** How many requests the broker had in flight: at the most, and on average over the time from the first to the last of them. */
function inFlight({ trace }: TestCluster): { most: number; average: number } {
  let [now, most, area, begun, last] = [0, 0, 0, 0, 0]
  for (const entry of trace) {
    if ((entry.kind !== 'request' && entry.kind !== 'answered') || entry.api !== 'Produce') continue
    if (begun === 0) begun = last = entry.at
    area += now * (entry.at - last)
    last = entry.at
    now += entry.kind === 'request' ? 1 : -1
    most = Math.max(most, now)
  }
  return { most, average: area / (last - begun) }
}

const WAYS: Record<string, (producer: Producer) => Promise<unknown>> = {
  'pipeline() into writable()': producer =>
    pipeline(createReadStream(file), lines(), producer.writable<string>({ topic: 't' })),
  'publish() of its lines': producer =>
    lastValueFrom(producer.publish(createInterface({ input: createReadStream(file) }), { topic: 't' })),
}

for (const [way, move] of Object.entries(WAYS)) {
  test(`a file, by ${way}: four requests are in flight`, async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, replyDelayMs: 10 })
    await using producer = createProducer({ brokers: cluster.brokers, batchSize: 16_384 })
    await move(producer)
    const { most, average } = inFlight(cluster)
    assert.equal(most, 4)
    assert.ok(average > 2, `${average} in flight on average`)
    const stored = cluster.records('t', 0).map(({ value }) => String(value))
    assert.equal(stored.length, LINES)
    assert.ok(stored.every((value, i) => value === line(i)))
  })
}
