import { type Observable, Subject, Subscription } from 'rxjs'
import type { Ack, BatchAck, Producer, ProducerRecord } from '../../src/index.js'
import type { World } from '../support/world.js'
import { NumberedRecord, type Recorder } from './recorder.js'
import type { Burst, StreamPlan } from './schedule.js'

export interface RunningStream {
  /** Its source has nothing more to give, or nobody wants it, and it is over if that lies with the source. */
  readonly finished: boolean
  /** It has ended, or nobody listens. */
  readonly over: boolean
  unsubscribe(): void
  /** Ends the timers of its source. */
  stop(): void
}

/** What a source that errors errors with. */
class SourceError extends Error {
  override readonly name: string = 'SourceError'
}

/** Subscribes to a stream that is sent as planned. */
export function openStream(world: World, recorder: Recorder, plan: StreamPlan): RunningStream {
  const stream = recorder.stream()
  const records = (burst: Burst): NumberedRecord[] =>
    Array.from(
      { length: burst.count },
      (_, i) => new NumberedRecord(recorder, stream, burst, burst.invalid === true && i === burst.count - 1),
    )
  let over = false
  let given = false
  const end = (error?: Error): void => {
    over = true
    recorder.ended(stream, error)
  }
  const observer = {
    next: (ack: Ack<number> | BatchAck<number>) => {
      if (!('count' in ack)) recorder.settled(stream, ack)
      else for (const one of ack) recorder.settled(stream, one)
    },
    error: end,
    complete: end,
  }
  const allGiven = (): void => {
    given = true
    recorder.exhausted(stream)
  }
  const timers = new Subscription()
  const later = (action: () => void, ms: number): void => timers.add(world.time.schedule(action, ms))
  const subscription = sending(world.producer, plan, records, allGiven, later).subscribe(observer)
  return {
    get finished() {
      return over || (given && plan.end === 'open')
    },
    get over() {
      return over
    },
    unsubscribe: () => {
      if (!over) recorder.unsubscribed(stream)
      over = true
      subscription.unsubscribe()
    },
    stop: () => timers.unsubscribe(),
  }
}

type Acks = Observable<Ack<number> | BatchAck<number>>

function sending(
  producer: Producer,
  plan: StreamPlan,
  records: (burst: Burst) => NumberedRecord[],
  allGiven: () => void,
  later: (action: () => void, ms: number) => void,
): Acks {
  const { by, bursts, end } = plan
  if (by === 'publish') {
    return producer.publish<number>(
      (function* () {
        for (const burst of bursts) yield* records(burst)
        allGiven()
        if (end === 'error') throw new SourceError()
      })(),
    )
  }
  if (by === 'publishAsync') {
    return producer.publish<number>(
      (async function* () {
        for (const burst of bursts) {
          if (burst.wait > 0) await new Promise<void>(resolve => later(resolve, burst.wait))
          yield* records(burst)
        }
        allGiven()
        if (end === 'error') throw new SourceError()
        if (end === 'open') await new Promise(() => undefined)
      })(),
    )
  }
  const source = new Subject<ProducerRecord<number>>()
  let at = 0
  for (const burst of bursts) {
    at += burst.wait
    later(() => {
      for (const record of records(burst)) source.next(record)
    }, at)
  }
  later(() => {
    allGiven()
    if (end === 'complete') source.complete()
    if (end === 'error') source.error(new SourceError())
  }, at)
  return by === 'send' ? source.pipe(producer.send<number>()) : source.pipe(producer.sendBatches<number>())
}

/** Sends a record to every partition, again and again until each has had one acked; gives those that did not within the time. */
export async function probe(
  { producer, cluster, time }: World,
  recorder: Recorder,
  limitMs: number,
): Promise<string[]> {
  const stream = recorder.stream()
  const waiting = new Map<string, Burst>()
  for (const [topic, partitions] of cluster.topics) {
    for (let to = 0; to < partitions; to++) {
      waiting.set(`${topic}-${to}`, { wait: 0, count: 1, topic, to, size: 0 })
    }
  }
  const source = new Subject<ProducerRecord<number>>()
  const retries = new Subscription()
  const names = new Map<ProducerRecord<number>, string>()
  const send = (name: string): void => {
    const record = new NumberedRecord(recorder, stream, waiting.get(name)!, false)
    names.set(record, name)
    source.next(record)
  }
  source.pipe(producer.send<number>()).subscribe({
    next: ack => {
      recorder.settled(stream, ack)
      const name = names.get(ack.record)!
      // A partition that was added and is not known yet: that is as old as metadata may be.
      const unknown = ack.kind === 'failed' && ack.error.name === 'InvalidRecordError'
      if (ack.kind === 'acked' || unknown) waiting.delete(name)
      else retries.add(time.schedule(() => send(name), 100))
    },
    error: error => recorder.ended(stream, error),
    complete: () => recorder.ended(stream),
  })
  for (const name of [...waiting.keys()]) send(name)
  await time.until(() => waiting.size === 0, limitMs).catch(() => undefined)
  const stuck = [...waiting.keys()]
  retries.unsubscribe()
  source.complete()
  return stuck
}
