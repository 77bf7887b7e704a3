import assert from 'node:assert/strict'
import { Observable, type Subscriber } from 'rxjs'
import type { Batch } from '../../src/producer/model/batch.js'
import type { PartitionProduceResponse, ProduceRequest, ProduceResponse } from '../../src/protocol/messages/produce.js'
import type { Connection } from '../../src/transport/connection.js'

/** A produce request with one batch. */
export interface Request {
  readonly batch: Batch
  /** As they were when they were written: a socket has copied them by the time they can change. */
  readonly bytes: Buffer
  readonly stamp: string
  readonly subscriber: Subscriber<ProduceResponse>
  /** Sent alone after a failure: its success opens the window. */
  readonly probe: boolean
  reply: PartitionProduceResponse | undefined
}

/** What was sent to a node over one connection and has not been answered, oldest first; the replies are a prefix. */
export interface Link {
  readonly node: number
  readonly requests: Request[]
}

/** A connection on which a request stays until the test answers it. */
export function connectionOf(requests: Request[], batch: Batch, bytes: Buffer, probe: boolean): Connection {
  const request = (_api: unknown, { topicData }: ProduceRequest): Observable<ProduceResponse> =>
    new Observable(subscriber => {
      assert.equal(topicData[0]!.partitionData[0]!.records, batch.bytes)
      requests.push({
        batch,
        bytes,
        stamp: `${numberOf(batch)}:${stampOf(batch)}`,
        subscriber,
        probe,
        reply: undefined,
      })
    })
  return { name: 'broker', request } as unknown as Connection
}

export function withoutProbe(request: Request): Request {
  return { ...request, probe: false }
}

/** Of its first record. */
export function numberOf(batch: Batch): number {
  return batch.records[0]!.metadata as number
}

export function numbersIn(batch: Batch): number[] {
  return batch.records.map(({ metadata }) => metadata as number)
}

export function stampOf({ identity, baseSequence }: Batch): string {
  return `${identity?.producerId}.${identity?.producerEpoch}.${baseSequence}`
}

export function describeRequest({ stamp, probe, reply }: Request): string {
  return `${stamp}:${+probe}:${reply === undefined ? '' : `${reply.errorCode}@${reply.baseOffset}${reply.recordErrors.length}`}`
}
