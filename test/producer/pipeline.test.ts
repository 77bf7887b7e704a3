import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { EMPTY, Subject } from 'rxjs'
import type { Broker } from '../../src/cluster/broker.js'
import { BrokerWindow } from '../../src/producer/in-flight/broker-windows.js'
import type { DrainedRequest, RequestResult } from '../../src/producer/in-flight/produce-request.js'
import { Meters } from '../../src/producer/metrics/meters.js'
import type { SettledBatch } from '../../src/producer/model/settled-batch.js'
import { pipeline, type Stages } from '../../src/producer/pipeline.js'
import type { ProduceResponse } from '../../src/protocol/messages/produce.js'
import { VirtualTime } from '../../src/testing/index.js'

/* The operators of one broker's pipeline as they are joined, around stages that the test plays. */

const RESPONSE: ProduceResponse = { responses: [], throttleTimeMs: 0, nodeEndpoints: [] }

let opened$: Subject<BrokerWindow>
/** How many requests there are to send. */
let toSend: number
/** The responses of requests that were sent, in send order. */
let sent: Subject<ProduceResponse>[]
/** The requests whose results were resolved. */
let resolved: number[]

beforeEach(() => {
  opened$ = new Subject()
  toSend = 0
  sent = []
  resolved = []
})

function subscribe(maxInFlight: number): void {
  const connection = {
    request: () => {
      const response$ = new Subject<ProduceResponse>()
      sent.push(response$)
      return response$
    },
  }
  const limit = { bytes: 1, answered() {} }
  const next = (window: BrokerWindow): DrainedRequest | undefined => {
    if (toSend === 0) return undefined
    toSend--
    return { sendIndex: window.nextSendIndex(), connection, parts: [], limit } as unknown as DrainedRequest
  }
  const stages = {
    batching: { batches: { expired$: EMPTY }, packing: { offLoop$: EMPTY } },
    windows: { opened$ },
    nextRequest: { to: next },
    resolver: {
      resolve({ sendIndex }: RequestResult): SettledBatch[] {
        resolved.push(sendIndex)
        return []
      },
    },
    meters: new Meters(new VirtualTime()),
    metadata$: EMPTY,
    options: { maxInFlight, requestTimeoutMs: 1 },
  }
  pipeline(stages as unknown as Stages).subscribe()
}

function open(slots: number): BrokerWindow {
  const window = new BrokerWindow({ nodeId: 1 } as Broker, { maxInFlight: slots, maxRequestSize: 1 })
  opened$.next(window)
  return window
}

function answer(index: number): void {
  sent[index]!.next(RESPONSE)
  sent[index]!.complete()
}

test('mergeMap is the window: no more than `maxInFlight` attempts are subscribed to, though slots are free', () => {
  subscribe(2)
  const window = open(5)
  toSend = 3
  window.wake$.next()
  assert.equal(sent.length, 2)
  answer(0)
  assert.equal(sent.length, 3)
})

test('slots bound what is drained: mergeMap keeps no request back', () => {
  subscribe(5)
  const window = open(2)
  toSend = 3
  window.wake$.next()
  assert.deepEqual([sent.length, toSend], [2, 1])
  answer(0)
  assert.deepEqual([sent.length, toSend], [3, 0])
})

test('results are resolved in send order, whatever the order of the responses', () => {
  subscribe(3)
  const window = open(3)
  toSend = 3
  window.wake$.next()
  answer(2)
  answer(1)
  assert.deepEqual(resolved, [])
  answer(0)
  assert.deepEqual(resolved, [0, 1, 2])
})

test('the pipeline lets go of a window that is closed', () => {
  subscribe(1)
  const [stays, leaves] = [open(1), open(1)]
  assert.deepEqual([stays.wake$.observed, leaves.wake$.observed], [true, true])
  leaves.closed$.next()
  assert.deepEqual([stays.wake$.observed, leaves.wake$.observed], [true, false])
})
