import { asyncScheduler, Subject, Subscription } from 'rxjs'
import { createProducer, type Producer, type ProducerRecord } from '../../../src/index.js'
import { Intake, type IntakeBuffer } from '../../../src/producer/sources/intake.js'
import { Deadlines } from '../../../src/producer/time/deadlines.js'
import { loneAccumulator, MAX_REQUEST_SIZE } from '../../support/accumulator.js'
import { CountingBroker, inProcess } from '../counting-broker.js'
import { type By, feed } from '../feed.js'
import type { Stage } from '../measure.js'
import { RECORD, STORED } from './parts.js'

/** A buffer with room for everything, seen by an intake without serializers. */
function bufferWith(accept: IntakeBuffer['accept']): IntakeBuffer {
  return {
    accept,
    acceptTaken: () => undefined,
    hasRoom: true,
    whenWritable: () => Subscription.EMPTY,
    hasRoomForReserved: true,
    whenWritableForReserved: () => Subscription.EMPTY,
    reserve: () => undefined,
    unreserve() {},
    memoryReleased() {},
    now: () => 0,
    deliveries: expired => new Deadlines(asyncScheduler, 0, expired),
  }
}

const NOTHING = { accepted() {}, refuse() {}, sourceEnded() {}, settled() {}, neverBatched() {} }

/** What RxJS takes between a source's `next` and a buffer that accepts everything, and does nothing with it. */
export function observing(): Stage {
  const buffer = bufferWith(() => undefined)
  const source = new Subject<ProducerRecord>()
  new Intake<ProducerRecord>(buffer, NOTHING, 'error', undefined).observe(source)
  return {
    name: 'source, from a Subject to the intake',
    unit: 'record',
    count: 20_000,
    run() {
      for (let i = 0; i < 20_000; i++) source.next(RECORD)
    },
  }
}

/** All that a record pays when it is accepted: checked, timed, placed, encoded, counted. Its batch is settled off the clock. */
export function accepting(size: number): Stage {
  const value = 'x'.repeat(size)
  const accumulator = loneAccumulator()
  const buffer = bufferWith(accumulator.accept.bind(accumulator))
  const intake = new Intake<ProducerRecord>(buffer, NOTHING, 'error', undefined)
  const drain = (): void => {
    for (
      let parts = accumulator.drain(1, MAX_REQUEST_SIZE);
      parts.length > 0;
      parts = accumulator.drain(1, MAX_REQUEST_SIZE)
    ) {
      for (const { partition, batch } of parts) {
        accumulator.answered(partition, batch, STORED)
        accumulator.offer(partition)
      }
    }
  }
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  intake.next({ topic: 't', value })
  accumulator.update({ name: 't', topicId: '', leaders: [1, 1, 1], error: undefined })
  drain()
  const count = size > 500 ? 2_000 : 10_000
  return {
    name: `accept, from intake to batch, ${size} B`,
    unit: 'record',
    count,
    run() {
      for (let i = 0; i < count; i++) intake.next({ topic: 't', value })
    },
    reset: drain,
  }
}

/** A producer on a broker inside this process, which counts what it answers: all that a record costs but sockets. */
export function stubbedProducer(): Producer {
  const broker = new CountingBroker([{ host: 'local', port: 9092 }], 3)
  return createProducer({ brokers: ['local'], bufferMemory: 128 << 20, transport: inProcess(broker) })
}

export function producing(producer: Producer, where: string, by: By, size: number, count: number): Stage {
  const value = 'x'.repeat(size)
  return {
    name: `${by}(), ${where}, ${size} B`,
    unit: 'record',
    count,
    run: () => feed(producer, by, count, () => ({ topic: 't', value })),
  }
}
