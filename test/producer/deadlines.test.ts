import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { Deadlines } from '../../src/producer/time/deadlines.js'

let scheduler: VirtualTimeScheduler
let log: string[]
let deadlines: Deadlines<string>

beforeEach(() => {
  scheduler = new VirtualTimeScheduler()
  log = []
  deadlines = new Deadlines(scheduler, 100, item => log.push(`${item} at ${scheduler.now()}`))
})

function at(time: number, action: () => void): void {
  scheduler.schedule(action, time)
}

test('each item comes due when its time has passed', () => {
  deadlines.add('a', 0)
  at(30, () => deadlines.add('b', 30))
  at(30, () => deadlines.add('c', 30))
  scheduler.flush()
  assert.deepEqual(log, ['a at 100', 'b at 130', 'c at 130'])
})

test('an item whose time began earlier comes due earlier', () => {
  at(50, () => deadlines.add('a', 50))
  at(60, () => deadlines.add('b', 20))
  at(200, () => deadlines.add('late already', 0))
  scheduler.flush()
  assert.deepEqual(log, ['b at 120', 'a at 150', 'late already at 200'])
})

test('what was deleted does not come due, and without items there is no timer', () => {
  deadlines.add('a', 0)
  deadlines.add('b', 0)
  deadlines.delete('a')
  deadlines.delete('b')
  deadlines.delete('b')
  scheduler.flush()
  assert.deepEqual(log, [])
  assert.equal(scheduler.now(), 0, 'the timer is gone')
})

test('all can be made due at once', () => {
  deadlines.add('a', 0)
  deadlines.add('b', 0)
  deadlines.expireAll()
  assert.deepEqual(log, ['a at 0', 'b at 0'])
  scheduler.flush()
  assert.equal(log.length, 2)
})

test('an item that is added while others come due has its own time', () => {
  const again = new Deadlines<string>(scheduler, 100, item => {
    log.push(`${item} at ${scheduler.now()}`)
    if (log.length < 3) again.add(item, scheduler.now())
  })
  again.add('a', 0)
  scheduler.flush()
  assert.deepEqual(log, ['a at 100', 'a at 200', 'a at 300'])
})
