import { merge, mergeMap, Observable, Subject, type Subscriber } from 'rxjs'
import { drain } from '../../../src/producer/in-flight/drain.js'
import { inSendOrder } from '../../../src/producer/in-flight/in-send-order.js'
import { type DrainedRequest, produceTo } from '../../../src/producer/in-flight/produce-request.js'
import { RequestLimit } from '../../../src/producer/in-flight/request-limit.js'
import { Slots } from '../../../src/producer/in-flight/slots.js'
import { NO_LEADER, type ProduceResponse, produce } from '../../../src/protocol/messages/produce.js'
import { decodeResponseBody, encodeRequestFrame, encodeResponseFrame } from '../../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../../src/protocol/wire/uuid.js'
import type { Connection } from '../../../src/transport/connection.js'
import type { Stage } from '../measure.js'
import { batch, partition } from './parts.js'

interface Issued {
  readonly sendIndex: number
}

/** The three operators of the window, joined as the data path joins them, around attempts that somebody answers. */
export function windowing(): Stage {
  const wake$ = new Subject<void>()
  const slots = new Slots(4)
  const attempts: { readonly request: Issued; readonly subscriber: Subscriber<Issued> }[] = []
  let issued = 0
  let left = 0
  const draw = (): Issued | undefined => (left-- > 0 ? { sendIndex: issued++ } : undefined)
  merge(wake$, slots.freed$)
    .pipe(
      drain(slots, draw),
      mergeMap(
        request => slots.hold(new Observable<Issued>(subscriber => void attempts.push({ request, subscriber }))),
        4,
      ),
      inSendOrder(),
    )
    .subscribe()
  return {
    name: 'window',
    unit: 'request',
    count: 5_000,
    run() {
      left = 5_000
      wake$.next()
      for (let attempt = attempts.shift(); attempt !== undefined; attempt = attempts.shift()) {
        attempt.subscriber.next(attempt.request)
        attempt.subscriber.complete()
      }
    },
  }
}

/** Of brokers without topic ids. */
const VERSION = 12

/** The bytes of a produce request around its batches. */
export function framing(partitions: number): Stage {
  const { bytes } = stamped(0)
  const partitionData = Array.from({ length: partitions }, (_, index) => ({ index, records: bytes! }))
  const request = {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: 't', topicId: ZERO_UUID, partitionData }],
  }
  const count = Math.ceil(1000 / partitions)
  return {
    name: `frame of a request, ${partitions} ${partitions === 1 ? 'batch' : 'batches'}`,
    unit: 'batch',
    count: count * partitions,
    run() {
      for (let i = 0; i < count; i++) encodeRequestFrame(produce, VERSION, i, 'rx-kafka', request)
    },
  }
}

/** One attempt, from its parts to the verdicts in its answer, on a connection that has the answer's bytes already. */
export function answering(partitions: number): Stage {
  const parts = Array.from({ length: partitions }, (_, index) => ({
    partition: partition(index),
    batch: stamped(index),
  }))
  const connection = {
    name: 'stub:9092',
    request: () =>
      new Observable(subscriber => {
        subscriber.next(decodeResponseBody(produce, VERSION, bytes))
        subscriber.complete()
      }),
  } as unknown as Connection
  const attempt: DrainedRequest = { sendIndex: 0, connection, parts, limit: new RequestLimit(1_048_576) }
  const bytes = Buffer.concat(encodeResponseFrame(produce, VERSION, 1, response(partitions))).subarray(4)
  const count = Math.ceil(1000 / partitions)
  return {
    name: `answer and its outcome, ${partitions} ${partitions === 1 ? 'batch' : 'batches'}`,
    unit: 'batch',
    count: count * partitions,
    run() {
      for (let i = 0; i < count; i++) produceTo(attempt, 30_000).subscribe()
    },
  }
}

function response(partitions: number): ProduceResponse {
  const unknown = {
    logAppendTimeMs: -1n,
    logStartOffset: 0n,
    recordErrors: [],
    errorMessage: null,
    currentLeader: NO_LEADER,
  }
  const partitionResponses = Array.from({ length: partitions }, (_, index) => ({
    index,
    errorCode: 0,
    baseOffset: 1_000_000n,
    ...unknown,
  }))
  return { responses: [{ name: 't', topicId: ZERO_UUID, partitionResponses }], throttleTimeMs: 0, nodeEndpoints: [] }
}

function stamped(index: number) {
  const one = batch(index, 1)
  one.pack()
  one.number({ producerId: 1n, producerEpoch: 0 }, 0)
  one.stamp()
  return one
}
