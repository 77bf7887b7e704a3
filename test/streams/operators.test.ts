import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  concatMap,
  groupBy,
  map,
  mergeMap,
  of,
  range,
  repeat,
  retry,
  Subject,
  share,
  switchMap,
  take,
  takeUntil,
  tap,
} from 'rxjs'
import { failFast, ProducerClosedError, type ProducerRecord, RecordFailedError } from '../../src/index.js'
import { BOOM, startMarbles } from '../support/marbles.js'
import { startWorld } from '../support/world.js'

// Each ack comes 3 ms after its record.
describe('send(): sources', () => {
  const cases: readonly [name: string, source: string, acks: string, subscription: string][] = [
    ['each record, and the end after the last ack', 'a--b--c|', '---a--b--(c|)', '^------!'],
    ['records that come together', '(abc)-----|', '---(abc)--|', '^---------!'],
    ['the end waits for what is owed', 'ab---|', '---ab|', '^----!'],
    ['an error waits for what is owed', '-a-#', '----(a#)', '^--!'],
    ['an error of which nothing is owed', 'a---#', '---a#', '^---!'],
    ['one that is empty', '--|', '--|', '^-!'],
    ['one that fails before it emits', '--#', '--#', '^-!'],
    ['one that never emits, until the producer closes', '---', '1000ms #', '^ 999ms !'],
  ]
  for (const [name, marbles, shown, subscription] of cases) {
    for (const kind of ['hot', 'cold'] as const) {
      test(`${name}, ${kind}`, async () => {
        const world = await startMarbles()
        const source = world[kind](marbles)
        const acks = world.watch(source.pipe(world.producer.send()))
        await world.end()
        acks.shows(shown)
        if (marbles.includes('#')) assert.equal(acks.error, BOOM)
        else if (shown.includes('#')) assert.ok(acks.error instanceof ProducerClosedError)
        source.subscribed(subscription)
      })
    }
  }
})

describe('send(): leaving early', () => {
  test('unsubscribed: the source is left at once, what was accepted is delivered, nobody is told', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                       a--bc--d|')
    const acks = watch(source.pipe(producer.send()), '-----!')
    await end()
    acks.shows('                               ---a')
    source.subscribed('                        ^----!')
    assert.equal(log(), 'abc')
  })

  test('unsubscribed by its own source', async () => {
    const { cold, watch, producer, log, end } = await startMarbles()
    const leave = new Subject()
    const source = cold('                             (abc)')
    const leaving = source.pipe(tap(({ value }) => value === 'b' && leave.next(undefined)))
    const acks = watch(leaving.pipe(producer.send(), takeUntil(leave)))
    await end()
    acks.shows('                                      |')
    source.subscribed('                               (^!)')
    assert.equal(log(), 'a')
  })

  test('take(): the source is left with the last ack that is wanted', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                                    a-b-c-d-e-f')
    const acks = watch(source.pipe(producer.send(), take(2)))
    await end()
    acks.shows('                                            ---a-(b|)')
    source.subscribed('                                     ^----!')
    assert.equal(log(), 'abc')
  })

  test('take(1) of acks that come together', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                                    (abc)-d')
    const acks = watch(source.pipe(producer.send(), take(1)))
    await end()
    acks.shows('                                            ---(a|)')
    source.subscribed('                                     ^--!')
    assert.equal(log(), 'abc')
  })

  test('takeUntil() before it: what was accepted is acked, then it completes', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                                                  a-b-c-d-e-f')
    const acks = watch(source.pipe(takeUntil(hot('                        ---x')), producer.send()))
    await end()
    acks.shows('                                                          ---a-(b|)')
    source.subscribed('                                                   ^--!')
    assert.equal(log(), 'ab')
  })

  test('takeUntil() behind it: it completes at once, and what was accepted is delivered', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                                                  a-b-c-d-e-f')
    const acks = watch(source.pipe(producer.send(), takeUntil(hot('       ----x'))))
    await end()
    acks.shows('                                                          ---a|')
    source.subscribed('                                                   ^---!')
    assert.equal(log(), 'abc')
  })

  test('switchMap(): a stream that is left for the next is delivered all the same', async () => {
    const { hot, cold, watch, producer, log, end } = await startMarbles()
    const [a, x] = [cold('                                                      a-b-c'), cold('x-y|')]
    const streams = hot('                                                       a--x--|')
    const acks = watch(streams.pipe(switchMap(({ value }) => (value === 'a' ? a : x).pipe(producer.send()))))
    await end()
    acks.shows('                                                                ------x-(y|)')
    a.subscribed('                                                              ^--!')
    assert.equal(log(), 'abxy')
  })

  test('an operator that throws ends the stream; what was accepted is delivered', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                                       (abc)-d')
    const acks = watch(
      source.pipe(
        producer.send(),
        map(ack => {
          if (ack.record.value === 'b') throw BOOM
          return ack
        }),
      ),
    )
    await end()
    acks.shows('                                               ---(a#)')
    source.subscribed('                                        ^--!')
    assert.equal(log(), 'abc')
  })
})

describe('send(): who subscribes, and how often', () => {
  test('cold: nothing is sent without a subscriber, and everything once for each', async () => {
    const { cold, watch, producer, log, end } = await startMarbles()
    const source = cold('a-b|')
    const sent = source.pipe(producer.send())
    const [first, second] = [watch(sent), watch(sent)]
    await end()
    first.shows('        ---a-(b|)')
    second.shows('       ---a-(b|)')
    source.subscribed('  ^--!', '^--!')
    assert.equal(log(), 'aabb')
    const unused = await startMarbles()
    const nobodys = unused.cold('a|')
    nobodys.pipe(unused.producer.send())
    await unused.end()
    nobodys.subscribed()
    assert.equal(unused.log(), '')
  })

  test('share(): one intake for all; the last one to leave ends it', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('                       a-b-c-d-e')
    const acks$ = source.pipe(producer.send(), share())
    const first = watch(acks$, '               ----!')
    const second = watch(acks$, '              ------!')
    await end()
    first.shows('                              ---a')
    second.shows('                             ---a-b')
    source.subscribed('                        ^-----!')
    assert.equal(log(), 'abcd')
  })

  test('repeat(): sent again from the start, when everything is acked', async () => {
    const { cold, watch, producer, log, end } = await startMarbles()
    const source = cold('                                   a-b|')
    const acks = watch(source.pipe(producer.send(), repeat(2)))
    await end()
    acks.shows('                                            ---a-b--a-(b|)')
    source.subscribed('                                     ^--!', '-----^--!')
    assert.equal(log(), 'abab')
  })

  test('retry(): what the source emits again is sent again, when everything is acked', async () => {
    const { cold, watch, producer, log, end } = await startMarbles()
    const source = cold('                                   a-b#')
    const acks = watch(source.pipe(producer.send(), retry(1)))
    await end()
    acks.shows('                                            ---a-b--a-(b#)')
    assert.equal(acks.error, BOOM)
    source.subscribed('                                     ^--!', '-----^--!')
    assert.equal(log(), 'abab')
  })

  test('retry() before it: the source alone is subscribed to again', async () => {
    const { cold, watch, producer, log, end } = await startMarbles()
    const source = cold('                                   a-#')
    const acks = watch(source.pipe(retry(1), producer.send()))
    await end()
    acks.shows('                                            ---a-(a#)')
    source.subscribed('                                     ^-!', '--^-!')
    assert.equal(log(), 'aa')
  })
})

describe('send(): streams of streams', () => {
  test('mergeMap(): a send() for each, at once', async () => {
    const { hot, cold, watch, producer, log, end } = await startMarbles()
    const inner: Record<string, ReturnType<typeof cold>> = { x: cold('a--b|'), y: cold('cd|') }
    const acks = watch(
      hot('                                x-y|').pipe(
        mergeMap(({ value }) => inner[String(value)]!.pipe(producer.send())),
      ),
    )
    await end()
    acks.shows('                           ---a-c(bd|)')
    assert.equal(log(), 'acbd')
  })

  test('concatMap(): the next one when everything before it is acked', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const acks = watch(hot('  (abc|)').pipe(concatMap(record => of(record).pipe(producer.send()))))
    await end()
    acks.shows('              ---a--b--(c|)')
    assert.equal(log(), 'abc')
  })

  test('groupBy(): a send() for each group', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('   aAbaB|')
    const acks = watch(
      source.pipe(
        groupBy(({ value }) => String(value).toLowerCase()),
        mergeMap(group => group.pipe(producer.send())),
      ),
    )
    await end()
    acks.shows('           ---aAba(B|)')
    assert.equal(log(), 'aAbaB')
  })

  test('several send() on one producer: each has its own acks, the log the order in which they were emitted', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const [first, second] = [hot('a-b-c|'), hot('-x-y#')]
    const [acks, others] = [watch(first.pipe(producer.send())), watch(second.pipe(producer.send()))]
    await end()
    acks.shows('                  ---a-b-(c|)')
    others.shows('                ----x-(y#)')
    assert.equal(log(), 'axbyc')
  })
})

describe('send(): what happens inside an ack', () => {
  test('a handler that sends, into the same stream and into another one', async () => {
    const { watch, producer, at, log, end } = await startMarbles()
    const source = new Subject<ProducerRecord>()
    const follow: Record<string, string> = { a: 'b', b: 'c', c: 'd' }
    const acks = watch(
      source.pipe(
        producer.send(),
        tap(({ record }) => {
          const next = follow[String(record.value)]
          if (next !== undefined) source.next({ topic: 'one', value: next })
          else source.complete()
          producer.publish([{ topic: 'one', value: '.' }]).subscribe()
        }),
      ),
    )
    at(0, () => source.next({ topic: 'one', value: 'a' }))
    await end()
    acks.shows('---a--b--c--(d|)')
    assert.equal(log(), 'ab.c.d..')
  })

  for (const ending of ['complete', 'error'] as const) {
    test(`a handler whose first ack makes its source ${ending} gets the others all the same`, async () => {
      const { hot, watch, producer, end } = await startMarbles()
      const source = new Subject<ProducerRecord>()
      hot('(abc)').subscribe(source)
      const ends = (): void => (ending === 'complete' ? source.complete() : source.error(BOOM))
      const acks = watch(source.pipe(producer.send(), tap(ends)))
      await end()
      acks.shows(ending === 'complete' ? '---(abc|)' : '---(abc#)')
    })
  }

  test('a handler that closes the producer gets what is owed, in every stream', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const first = hot('                      (ab)-c-').pipe(
      producer.send(),
      tap(() => void producer.close()),
    )
    const [acks, others] = [watch(first), watch(hot('-x---y').pipe(producer.send()))]
    await end()
    acks.shows('                             ---(ab#)')
    others.shows('                           ----(x#)')
    assert.equal(log(), 'abx')
  })
})

describe('failFast()', () => {
  test('passes on what is acked', async () => {
    const { hot, watch, producer, end } = await startMarbles()
    const acks = watch(hot('a-b-|').pipe(producer.send(), failFast()))
    await end()
    acks.shows('           ---a-(b|)')
  })

  test('the first record that fails ends the stream; the source is left, what was accepted is delivered', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('a-b-c-d')
    const bad = source.pipe(map(record => (record.value === 'c' ? { ...record, partition: 7 } : record)))
    const acks = watch(bad.pipe(producer.send(), failFast()))
    await end()
    acks.shows('        ---a#')
    source.subscribed(' ^---!')
    assert.ok(acks.error instanceof RecordFailedError)
    assert.equal(acks.error.ack.record.value, 'c')
    assert.equal(log(), 'ab')
  })

  test('without it a failed record is an ack among the others', async () => {
    const { hot, watch, producer, log, end } = await startMarbles()
    const source = hot('a-b-c-d|')
    const bad = source.pipe(map(record => (record.value === 'c' ? { ...record, partition: 7 } : record)))
    const acks = watch(bad.pipe(producer.send()))
    await end()
    acks.shows('        ---aCb---(d|)')
    assert.equal(log(), 'abd')
  })
})

test('a synchronous source of 10^6 records, and as many acks', async () => {
  const world = await startWorld({
    cluster: { topics: { one: { partitions: 1 } }, trace: false },
    producer: { bufferMemory: 2 ** 30 },
  })
  let [acked, last, done] = [0, -1n, false]
  range(0, 1_000_000)
    .pipe(world.producer.send({ topic: 'one', value: () => 'v' }))
    .subscribe({
      next: ack => {
        if (ack.kind !== 'acked' || ack.record.metadata !== acked || ack.offset <= last) return
        acked++
        last = ack.offset
      },
      complete: () => {
        done = true
      },
    })
  await world.time.until(() => done)
  assert.equal(acked, 1_000_000)
  await world.end()
})
