import assert from 'node:assert/strict'
import { test } from 'node:test'
import { merge, mergeMap, Observable, Subject, type Subscription } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { drain } from '../../src/producer/in-flight/drain.js'
import { inSendOrder } from '../../src/producer/in-flight/in-send-order.js'
import { Slots } from '../../src/producer/in-flight/slots.js'

/** A window as data-path.ts builds it, over attempts that the test answers by hand. */
function openWindow(maxInFlight: number, waiting: string[]) {
  const slots = new Slots(maxInFlight)
  const wake$ = new Subject<void>()
  const log: string[] = []
  const answers = new Map<string, () => void>()
  let drained = 0
  let attempted = 0
  let mostQueued = 0
  let mostAtOnce = 0
  const attempt = (name: string): Observable<string> =>
    new Observable(subscriber => {
      attempted++
      mostAtOnce = Math.max(mostAtOnce, answers.size + 1)
      log.push(`send ${name}`)
      answers.set(name, () => {
        answers.delete(name)
        subscriber.next(name)
        subscriber.complete()
      })
    })
  merge(wake$, slots.freed$)
    .pipe(
      drain(slots, () => waiting.shift()),
      drained$ =>
        new Observable<string>(subscriber =>
          drained$.subscribe(name => {
            drained++
            subscriber.next(name)
            // Whatever was handed on and is not attempted by now is in mergeMap's queue.
            mostQueued = Math.max(mostQueued, drained - attempted)
          }),
        ),
      mergeMap(name => slots.hold(attempt(name)), maxInFlight),
    )
    .subscribe(name => log.push(`done ${name}`))
  return {
    log,
    wake: () => wake$.next(),
    answer: (name: string) => answers.get(name)!(),
    get queued() {
      return mostQueued
    },
    get atOnce() {
      return mostAtOnce
    },
  }
}

test('no more requests are drained than there are slots', () => {
  const window = openWindow(4, ['a', 'b', 'c', 'd', 'e', 'f'])
  window.wake()
  window.wake()
  assert.deepEqual(window.log, ['send a', 'send b', 'send c', 'send d'])
})

test('each answer drains one more, and the queue of mergeMap is never used', () => {
  const waiting = Array.from({ length: 100 }, (_, i) => `r${i}`)
  const names = [...waiting]
  const window = openWindow(4, waiting)
  window.wake()
  for (const name of names) window.answer(name)
  assert.equal(window.log.filter(line => line.startsWith('done')).length, 100)
  assert.equal(window.atOnce, 4)
  assert.equal(window.queued, 0)
})

test('what is waiting can still change while the window is full', () => {
  const waiting = ['a', 'b']
  const window = openWindow(1, waiting)
  window.wake()
  waiting[0] = 'b, filled up'
  window.answer('a')
  assert.deepEqual(window.log, ['send a', 'done a', 'send b, filled up'])
})

test('attempts that end while they are being made do not deepen the stack', () => {
  const slots = new Slots(4)
  const wake$ = new Subject<void>()
  let left = 100_000
  let done = 0
  const instant = new Observable<number>(subscriber => {
    subscriber.next(1)
    subscriber.complete()
  })
  merge(wake$, slots.freed$)
    .pipe(
      drain(slots, () => (left-- > 0 ? left : undefined)),
      mergeMap(() => slots.hold(instant), 4),
    )
    .subscribe(() => done++)
  wake$.next()
  assert.equal(done, 100_000)
  assert.equal(slots.free, 4)
})

test('an attempt that is unsubscribed from is unsubscribed below, and gives nothing back', () => {
  const slots = new Slots(1)
  slots.take()
  let closed = false
  const subscription: Subscription = slots
    .hold(
      new Observable<never>(() => () => {
        closed = true
      }),
    )
    .subscribe()
  subscription.unsubscribe()
  assert.ok(closed)
  assert.equal(slots.free, 0)
})

test('drawWhile and held pass errors and completion on', () => {
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected))
  scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
    const failing = cold<void>('--#')
    const ending = cold<void>('--|')
    expectObservable(failing.pipe(drain(new Slots(1), () => undefined))).toBe('--#')
    expectObservable(ending.pipe(drain(new Slots(1), () => undefined))).toBe('--|')
    expectObservable(new Slots(1).hold(failing)).toBe('--#')
    expectObservable(new Slots(1).hold(ending)).toBe('--|')
    expectSubscriptions(failing.subscriptions).toBe(['^-!', '^-!'])
  })
})

test('inIssueOrder holds back what is early', () => {
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected))
  scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
    const values = { 0: { sendIndex: 0 }, 1: { sendIndex: 1 }, 2: { sendIndex: 2 }, 3: { sendIndex: 3 } }
    const source = cold('            -2-0-1----3-|', values)
    expectObservable(source.pipe(inSendOrder())).toBe('---0-(12)-3-|', values)
    expectSubscriptions(source.subscriptions).toBe('    ^-----------!')
  })
})

test('inIssueOrder passes errors on and lets go of its source', () => {
  const scheduler = new TestScheduler((actual, expected) => assert.deepEqual(actual, expected))
  scheduler.run(({ cold, expectObservable, expectSubscriptions }) => {
    const values = { 0: { sendIndex: 0 }, 1: { sendIndex: 1 } }
    const source = cold('-1-#', values)
    expectObservable(source.pipe(inSendOrder())).toBe('---#', values)
    const early = cold('  -0-1-', values)
    expectObservable(early.pipe(inSendOrder()), '^-!').toBe('-0-', values)
    expectSubscriptions(early.subscriptions).toBe('^-!')
  })
})
