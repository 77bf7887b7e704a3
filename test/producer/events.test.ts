import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { DataLossError, type ProducerEvent } from '../../src/index.js'
import { ProducerEvents } from '../../src/producer/model/events.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { open, startWorld } from '../support/world.js'

const json = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value))

test('every event of a producer survives JSON.stringify: ids as strings, errors with their messages', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
  world.cluster.inject({ topic: 't', fault: { kind: 'error', code: ErrorCode.NOT_LEADER_OR_FOLLOWER } })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'v' })
  push.complete()
  await world.time.until(() => acks.done)
  await world.end()
  const told = world.events.map(json)
  assert.deepEqual(
    told.map(({ kind }) => kind),
    world.events.map(({ kind }) => kind),
  )
  const producerId = told.find(({ kind }) => kind === 'producerId')
  assert.match(String(producerId?.producerId), /^\d+$/)
  const retrying = told.find(({ kind }) => kind === 'retrying')
  assert.equal((retrying?.error as { codeName?: string } | undefined)?.codeName, 'NOT_LEADER_OR_FOLLOWER')
  assert.ok(told.some(({ kind }) => kind === 'closed'))
})

test('errors inside an event are told as well, and an event has no more fields than its type says', () => {
  const events$ = new ProducerEvents()
  const seen: ProducerEvent[] = []
  events$.subscribe(event => seen.push(event))
  const error = new DataLossError('gone', { cause: new Error('why') })
  events$.next({ kind: 'dataLoss', topic: 't', partition: 0, error })
  const held = { topic: 't', partition: 0, bytes: 5, error: new Error('no leader') }
  events$.next({ kind: 'blocked', bufferedBytes: 5, waitingOn: [held] })
  assert.deepEqual(seen.map(json), [
    {
      kind: 'dataLoss',
      topic: 't',
      partition: 0,
      error: { name: 'DataLossError', message: 'gone', cause: { name: 'Error', message: 'why' } },
    },
    { kind: 'blocked', bufferedBytes: 5, waitingOn: [{ ...held, error: { name: 'Error', message: 'no leader' } }] },
  ])
  assert.deepEqual(seen[0], { kind: 'dataLoss', topic: 't', partition: 0, error })
  assert.doesNotMatch(inspect(seen), /toJSON/)
})

test('docs/events.md has a row for every event, with each of its fields, and none for what does not exist', () => {
  const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const union = /^export type ProducerEvent =$(.*?)^$/ms.exec(text('src/producer/model/events.ts'))![1]!
  const events = union.split(/^ {2}\| /m).flatMap(member => {
    const kind = /readonly kind: '(\w+)'/.exec(member)?.[1]
    if (kind === undefined) return []
    // `topics` of the event `metadata` has fields of its own.
    const fields = [...member.matchAll(/readonly (\w+):/g)].map(([, name]) => name!)
    return [`${kind}: ${fields.filter(name => name !== 'kind').join(' ')}`]
  })
  const rows = [...text('docs/events.md').matchAll(/^\| `(?!kind)(\w+)` \| (.*?) \|/gm)].map(
    ([, kind, has]) => `${kind}: ${[...has!.matchAll(/`(\w+)`/g)].map(([, name]) => name).join(' ')}`,
  )
  assert.deepEqual(rows, events)
  assert.ok(events.length > 12)
})
