import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Random } from '../support/random.js'
import { baseReplies } from './bases.js'
import { fuzzConnections } from './connections.js'
import { fuzzDecoders } from './decoders.js'
import { fuzzProducers } from './producers.js'
import { APIS } from './reply.js'
import { fuzzValues } from './values.js'

// A share of what `npm run test:fuzz` does; the same frames each time.
const SEED = 20_260_101

const bases = await baseReplies()

function tell(context: TestContext, text: string): void {
  for (const line of text.split('\n')) context.diagnostic(line)
}

test('there is something to tamper with: every API that the producer uses, in every version', () => {
  for (const api of APIS) {
    const versions = new Set(bases.filter(base => base.api === api).map(({ version }) => version))
    assert.equal(versions.size, api.maxVersion - api.minVersion + 1, api.name)
  }
})

test('decoders: a reply that was tampered with is read to something, or malformed, and takes little memory', context => {
  const tally = fuzzDecoders(bases, new Random(SEED), 75_000)
  tell(context, `${tally}`)
  assert.ok(tally.count('malformed') > 0 && tally.count('read to something') > 0)
})

test('connections: every request has one end; what the protocol can tell ends the connection, and nothing more is believed', async context => {
  const tally = await fuzzConnections(bases, new Random(SEED), 25_000)
  tell(context, `${tally}`)
  assert.ok(tally.count('closed at once') > 0 && tally.count('read to something') > 0)
})

test('producers: the connection is dropped, the batches sent again, and the log is the input (row 23)', async () => {
  await fuzzProducers(bases, new Random(SEED), 200)
})

test('values: among brokers whose answers lie every record has its end, what is acked is stored, and what heals is used again', async context => {
  const { tally, lives, records, megabytes } = await fuzzValues(SEED, 500)
  tell(context, `${lives} producers, ${records} records, ${megabytes.toFixed(0)} MB\n${tally}`)
  for (const { name } of APIS) assert.ok(tally.has(name), name)
})
