import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Narrator } from '../../src/dashboard/narrator.js'
import { KafkaError } from '../../src/index.js'

test('a broker that can not be reached is told once, and again after it was connected', () => {
  const told: string[] = []
  const narrator = new Narrator(({ text }) => told.push(text))
  const refused = (nodeId: number, why = 'refused') =>
    narrator.event({ kind: 'disconnected', nodeId, address: 'b:1', error: new KafkaError(why) })
  for (let i = 0; i < 5; i++) refused(1)
  refused(2)
  refused(1, 'timed out')
  refused(1, 'timed out')
  narrator.event({ kind: 'connected', nodeId: 1, address: 'b:1' })
  refused(1, 'timed out')
  assert.deepEqual(told, [
    'Broker 1 is not connected: refused',
    'Broker 2 is not connected: refused',
    'Broker 1 is not connected: timed out',
    'Connected to broker 1 at b:1.',
    'Broker 1 is not connected: timed out',
  ])
})

test('failures of transactions are told', () => {
  const told: string[] = []
  const narrator = new Narrator(({ text }) => told.push(text))
  const error = new KafkaError('no')
  narrator.event({ kind: 'coordinatorFailed', error })
  narrator.event({ kind: 'transactionAborted', error })
  assert.deepEqual(told, ['The coordinator is asked again: no', 'A transaction was aborted: no'])
})
