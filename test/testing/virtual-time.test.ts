import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { firstValueFrom, timer } from 'rxjs'
import { VirtualTime } from '../../src/testing/index.js'

const never = new Promise<never>(() => undefined)

describe('advance', () => {
  test('does what comes due within the time, in order, each at its time', async () => {
    const time = new VirtualTime()
    const done: [string, number][] = []
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['d', 31],
    ] as const) {
      time.schedule(() => done.push([name, time.now()]), at)
    }
    await time.advance(30)
    assert.deepEqual(done, [
      ['a', 10],
      ['b', 20],
      ['c', 30],
    ])
    assert.equal(time.now(), 30)
    await time.advance(1)
    assert.deepEqual(done.at(-1), ['d', 31])
  })

  test('lets time pass although nothing is scheduled, and timers count from there', async () => {
    const time = new VirtualTime()
    await time.advance(100)
    assert.equal(time.now(), 100)
    let at = -1
    time.schedule(() => (at = time.now()), 5)
    await time.advance(4)
    assert.equal(at, -1)
    await time.advance(1)
    assert.equal(at, 105)
  })

  test('lets promises go on between two timers, and does what they schedule in turn', async () => {
    const time = new VirtualTime()
    const done: string[] = []
    const wait = (ms: number): Promise<unknown> => firstValueFrom(timer(ms, time))
    const run = async (name: string, ms: number): Promise<void> => {
      for (let i = 1; i <= 3; i++) {
        await wait(ms)
        await Promise.resolve()
        done.push(`${name}${i}@${time.now()}`)
      }
    }
    void run('a', 10)
    void run('b', 15)
    await time.advance(45)
    assert.deepEqual(done, ['a1@10', 'b1@15', 'a2@20', 'b2@30', 'a3@30', 'b3@45'])
  })

  test('of 0 does what is due now', async () => {
    const time = new VirtualTime()
    let done = false
    time.schedule(() => {
      done = true
    })
    await time.advance(0)
    assert.ok(done)
  })
})

describe('until', () => {
  test('a promise is settled: gives its value, at that time', async () => {
    const time = new VirtualTime()
    time.schedule(() => assert.fail('too late'), 51)
    assert.equal(await time.until(firstValueFrom(timer(50, time)).then(() => 'value')), 'value')
    assert.equal(time.now(), 50)
  })

  test('a promise is rejected: throws its reason', async () => {
    const time = new VirtualTime()
    const failing = firstValueFrom(timer(50, time)).then(() => {
      throw new TypeError('no')
    })
    await assert.rejects(time.until(failing), new TypeError('no'))
  })

  test('a predicate holds: it is asked before the first step, and after each', async () => {
    const time = new VirtualTime()
    await time.until(() => true)
    let count = 0
    for (const at of [10, 20, 30]) time.schedule(() => count++, at)
    await time.until(() => count === 2)
    assert.equal(time.now(), 20)
    assert.equal(time.pending, 1)
  })

  test('the limit: throws when it would take longer, and not when it takes just so long', async () => {
    const time = new VirtualTime()
    await time.advance(1000)
    let done = false
    time.schedule(() => (done = true), 101)
    await assert.rejects(time.until(never, 100), /not happened within 100 ms of virtual time/)
    await assert.rejects(
      time.until(() => done, 100),
      /not happened within 100 ms/,
    )
    assert.equal(done, false)
    await time.until(() => done, 101)
  })

  test('what takes a few turns of the event loop, and no timer, is waited for', async () => {
    const time = new VirtualTime()
    const turns = async (): Promise<string> => {
      for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve))
      return 'done'
    }
    assert.equal(await time.until(turns()), 'done')
  })

  test('nothing is scheduled: throws at once, and says when that was', async () => {
    const time = new VirtualTime()
    time.schedule(() => undefined, 70)
    await assert.rejects(time.until(never), /at 70 ms of virtual time nothing is scheduled/)
    await assert.rejects(
      time.until(() => false),
      /nothing is scheduled/,
    )
  })
})

test('idle: until nothing is scheduled any more', async () => {
  const time = new VirtualTime()
  let left = 5
  const again = (): void => {
    if (--left > 0) time.schedule(again, 100)
  }
  time.schedule(again, 100)
  await time.idle()
  assert.deepEqual([left, time.now(), time.pending], [0, 500, 0])
  await time.idle()
  assert.equal(time.now(), 500)
})

test('idle gives up where something goes on for ever', async () => {
  const time = new VirtualTime()
  const ticks = timer(0, 400, time).subscribe()
  await assert.rejects(time.idle(1000), /after 1000 ms of virtual time 1 timers are still scheduled/)
  assert.equal(time.now(), 800)
  ticks.unsubscribe()
  await time.idle(0)
})

test('pending counts what is neither done nor cancelled', async () => {
  const time = new VirtualTime()
  const actions = [10, 20, 30].map(ms => time.schedule(() => undefined, ms))
  assert.equal(time.pending, 3)
  actions[1]!.unsubscribe()
  assert.equal(time.pending, 2)
  await time.advance(10)
  assert.equal(time.pending, 1)
  const periodic = timer(0, 10, time).subscribe()
  await time.advance(100)
  assert.equal(time.pending, 1)
  periodic.unsubscribe()
  assert.equal(time.pending, 0)
})

test('a timer that is cancelled, also by another one of the same time, does nothing', async () => {
  const time = new VirtualTime()
  const done: string[] = []
  const second = (): { unsubscribe(): void } => later
  time.schedule(() => {
    done.push('first')
    second().unsubscribe()
  }, 10)
  const later = time.schedule(() => done.push('second'), 10)
  time.schedule(() => done.push('third'), 10)
  await time.idle()
  assert.deepEqual(done, ['first', 'third'])
})

test('an error in a timer is thrown to who lets time pass', async () => {
  const time = new VirtualTime()
  time.schedule(() => {
    throw new Error('broken')
  }, 10)
  await assert.rejects(time.advance(10), /broken/)
})
