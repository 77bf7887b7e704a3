import assert from 'node:assert/strict'
import { Observable, type ObservableNotification, Subscription } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import type { Ack, Producer, ProducerRecord } from '../../src/index.js'
import { startWorld, valuesIn, type WorldOptions } from './world.js'

// A character is a millisecond, as in TestScheduler.run().
TestScheduler.frameTimeFactor = 1

/** How long a broker takes to answer, in ms, and so each ack to follow its record. */
export const REPLY_MS = 3

/**
 * Marbles in the virtual time of a producer and its cluster, which is connected already. In the source a letter is a record
 * of that value; in what is watched it is the ack of that record, as a capital where the record failed. The log is topic
 * `one`'s only partition.
 *
 * @example
 * const { hot, watch, producer, end } = await startMarbles()
 * const source = hot(' a--b--|')
 * const acks = watch(source.pipe(producer.send()))
 * await end()
 * acks.shows('        ---a--(b|)')
 * source.subscribed(' ^-----!')
 */
export interface Marbles {
  readonly producer: Producer
  /** A source that emits whether somebody listens or not. */
  hot(marbles: string): Source
  /** A source that begins anew for each subscriber. */
  cold(marbles: string): Source
  /** Subscribes now, and unsubscribes where the second marbles have `!`. */
  watch(stream$: Observable<Ack>, unsubscription?: string): Watched
  /** Does something at this time. */
  at(ms: number, action: () => void): void
  /** The values of the log. */
  log(): string
  /** Lets everything come to its end, and checks that nothing is left. */
  end(): Promise<void>
}

export class Source extends Observable<ProducerRecord> {
  readonly subscriptions: { readonly from: number; to: number }[] = []

  /** Asserts when it was subscribed to, and left. */
  subscribed(...marbles: readonly string[]): void {
    const expected = marbles.map(one => {
      const { subscribedFrame, unsubscribedFrame } = TestScheduler.parseMarblesAsSubscriptions(one, true)
      return { from: subscribedFrame, to: unsubscribedFrame }
    })
    assert.deepEqual(this.subscriptions, expected)
  }
}

export interface Watched {
  /** What it ended with. */
  readonly error: unknown
  /** Asserts what came, and when. */
  shows(marbles: string): void
}

export async function startMarbles(options: WorldOptions = {}): Promise<Marbles> {
  const world = await startWorld({
    ...options,
    cluster: { topics: { one: { partitions: 1 } }, replyDelayMs: REPLY_MS, ...options.cluster },
  })
  const { time, cluster, producer } = world
  producer.publish([{ topic: 'one', value: 'first' }]).subscribe()
  await time.until(producer.flush())
  const start = time.now()
  const frame = (): number => time.now() - start
  const play = (marbles: string, observer: Pick<Subscription, 'add'>, see: See): void => {
    for (const { frame, notification } of TestScheduler.parseMarbles(marbles, undefined, BOOM, false, true)) {
      observer.add(time.schedule(() => see(notification as ObservableNotification<string>), frame))
    }
  }
  return {
    producer,
    hot: marbles => {
      const listeners = new Set<See>()
      play(marbles, new Subscription(), notification => {
        for (const listener of [...listeners]) listener(notification)
      })
      return sourceOf(frame, see => {
        listeners.add(see)
        return new Subscription(() => listeners.delete(see))
      })
    },
    cold: marbles =>
      sourceOf(frame, see => {
        const playing = new Subscription()
        play(marbles, playing, see)
        return playing
      }),
    watch: (stream$, unsubscription = '') => {
      const seen: string[] = []
      let error: unknown
      const note = (what: string): unknown => seen.push(`${frame()} ms: ${what}`)
      const subscription = stream$.subscribe({
        next: ack => note(letter(ack)),
        error: reason => {
          error = reason
          note('#')
        },
        complete: () => note('|'),
      })
      const { unsubscribedFrame } = TestScheduler.parseMarblesAsSubscriptions(unsubscription, true)
      if (Number.isFinite(unsubscribedFrame)) time.schedule(() => subscription.unsubscribe(), unsubscribedFrame)
      return {
        get error() {
          return error
        },
        shows: marbles => assert.deepEqual(seen, messages(marbles)),
      }
    },
    at: (ms, action) => {
      time.schedule(action, ms)
    },
    log: () => valuesIn(cluster, 'one', 0).slice(1).join(''),
    end: async () => {
      await time.advance(1_000)
      await world.end()
    },
  }
}

/** What a source errors with at `#`. */
export const BOOM: Error = new Error('boom')

type See = (notification: ObservableNotification<string>) => void

function sourceOf(frame: () => number, listen: (see: See) => Subscription): Source {
  const source: Source = new Source(subscriber => {
    const entry = { from: frame(), to: Number.POSITIVE_INFINITY }
    source.subscriptions.push(entry)
    subscriber.add(() => {
      entry.to = frame()
    })
    return listen(notification => {
      if (notification.kind === 'N') subscriber.next({ topic: 'one', value: notification.value })
      else if (notification.kind === 'E') subscriber.error(notification.error)
      else subscriber.complete()
    })
  })
  return source
}

function letter(ack: Ack): string {
  const value = String(ack.record.value)
  return ack.kind === 'acked' ? value : value.toUpperCase()
}

function messages(marbles: string): string[] {
  return TestScheduler.parseMarbles(marbles, undefined, BOOM, false, true).map(({ frame, notification }) => {
    const { kind } = notification
    return `${frame} ms: ${kind === 'N' ? notification.value : kind === 'E' ? '#' : '|'}`
  })
}
