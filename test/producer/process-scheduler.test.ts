import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { processScheduler } from '../../src/producer/time/process-scheduler.js'
import { blockLoop } from '../support/block-loop.js'

test('its clock does not follow the system clock', t => {
  t.mock.method(Date, 'now', () => 5)
  const before = processScheduler.now()
  blockLoop(3)
  assert.equal(processScheduler.now() - before >= 2, true)
  assert.equal(Number.isInteger(before), true)
})

test('a timer that is late, for the event loop was blocked, runs after what sockets hold was read', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Socket]
  t.after(() => client.destroy())
  const log: string[] = []
  client.on('data', () => log.push('read'))
  await once(client, 'connect')
  accepted.write('answer')
  processScheduler.schedule(() => log.push('timeout'), 1)
  blockLoop(20)
  await setTimeout(50)
  assert.deepEqual(log, ['read', 'timeout'])
})

test('work can schedule itself again, and be cancelled at any time', async () => {
  const log: number[] = []
  const again = processScheduler.schedule<number>(
    function (count) {
      log.push(count!)
      if (count! < 3) this.schedule(count! + 1, 1)
    },
    1,
    1,
  )
  const never = processScheduler.schedule(() => log.push(-1), 1)
  const late = processScheduler.schedule(() => log.push(-2), 1)
  never.unsubscribe()
  // The timer has fired, and its work has not run.
  global.setTimeout(() => late.unsubscribe(), 1)
  blockLoop(5)
  while (log.at(-1) !== 3) await setTimeout(1)
  // Whatever came later would come now.
  await setTimeout(10)
  assert.deepEqual(log, [1, 2, 3])
  assert.deepEqual([again.closed, never.closed, late.closed], [true, true, true])
})
