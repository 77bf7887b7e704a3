import type { Observable } from 'rxjs'
import { channels, isObserved, type ProduceTrace, type ProduceTraceBatch, traced } from '../../diagnostics.js'
import type { Batch } from '../model/batch.js'
import { sentForm } from '../model/intercepted-record.js'
import type { ProduceResult } from '../model/outcome.js'
import type { PartitionBatch } from '../model/partition.js'
import type { DrainedRequest, RequestResult } from './produce-request.js'

/** Whose requests they are. */
export interface TraceOwner {
  readonly clientId: string
  readonly producer: object
}

/** Publishes one network attempt, which is subscribed to at once, on the tracing channel `rx-kafka:produce`. */
export function traceRequest(
  request: DrainedRequest,
  nodeId: number,
  owner: TraceOwner,
  attempt: Observable<RequestResult>,
): Observable<RequestResult> {
  if (!isObserved(channels.produce)) return attempt
  return traced(channels.produce, attempt, () => messageOf(request, nodeId, owner), ended)
}

function messageOf(
  { connection, parts }: DrainedRequest,
  nodeId: number,
  { clientId, producer }: TraceOwner,
): ProduceTrace {
  const batches = parts.map(part => new TracedBatch(part))
  const message = { producer, clientId, nodeId, address: connection.name, batches }
  return Object.defineProperty(message, 'producer', { enumerable: false })
}

function ended(message: ProduceTrace, { results, lost }: RequestResult): Error | undefined {
  if (lost) return errorOf(results[0])
  message.results = results.map(result => ({
    baseOffset: result.kind === 'stored' ? result.baseOffset : -1n,
    error: errorOf(result),
  }))
  return undefined
}

function errorOf(result: ProduceResult | undefined): Error | undefined {
  return result === undefined || result.kind === 'stored' ? undefined : result.error
}

class TracedBatch implements ProduceTraceBatch {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: number
  readonly attempt: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly #batch: Batch

  constructor({ batch }: PartitionBatch) {
    this.topic = batch.topic
    this.partition = batch.partition
    this.count = batch.count
    this.bytes = batch.size
    this.attempt = batch.attempts
    this.producerEpoch = batch.identity!.producerEpoch
    this.baseSequence = batch.baseSequence
    this.#batch = batch
  }

  get records(): readonly object[] {
    return this.#batch.records.map(sentForm)
  }
}
