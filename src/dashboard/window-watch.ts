import { tracingChannel } from 'node:diagnostics_channel'
import { describe } from '../errors.js'
import type { ProduceTrace, ProduceTraceBatch } from '../index.js'
import type { BatchState, RequestState, ReturnedBatch } from './state.js'

/** What the requests of one partition have shown. */
export interface PartitionWatch {
  readonly returned: ReturnedBatch[]
  acked: number
  lastOffset: string
}

interface Sent {
  readonly nodeId: number
  readonly id: number
  readonly sentAt: number
  readonly bytes: number
  readonly batches: readonly BatchState[]
}

/** A request that got no response. */
export interface LostRequest {
  readonly nodeId: number
  readonly batches: readonly BatchState[]
  readonly why: string
}

const SEQUENCES = 2 ** 31

/**
 * Follows the requests of one producer by the channel `rx-kafka:produce`: which are in flight, which batches came back, and what is
 * acked. Metrics have only counts.
 */
export class WindowWatch {
  clientId = ''
  /** By node id. */
  readonly addresses: Map<number, string> = new Map()
  readonly partitions: Map<string, PartitionWatch> = new Map()
  /** Answered requests, and how long they took, since somebody last took them. */
  answered: { requests: number; latencyMs: number } = { requests: 0, latencyMs: 0 }
  readonly #producer: object
  readonly #now: () => number
  readonly #lost: (request: LostRequest) => void
  /** In send order. */
  readonly #sent = new Map<ProduceTrace, Sent>()
  #requests = 0
  readonly #handlers = {
    start: (message: ProduceTrace) => this.#started(message),
    end: (): void => {},
    asyncStart: (): void => {},
    asyncEnd: (message: ProduceTrace) => this.#ended(message),
    error: (): void => {},
  }

  /** @param lost told of each request that gets no response. */
  constructor(producer: object, now: () => number, lost: (request: LostRequest) => void) {
    this.#producer = producer
    this.#now = now
    this.#lost = lost
    channel().subscribe(this.#handlers)
  }

  stop(): void {
    channel().unsubscribe(this.#handlers)
  }

  /** Requests in flight by node id, oldest first. */
  inFlight(): Map<number, RequestState[]> {
    const now = this.#now()
    const byNode = new Map<number, RequestState[]>()
    for (const { nodeId, id, sentAt, bytes, batches } of this.#sent.values()) {
      const request = { id, ageMs: now - sentAt, bytes, batches }
      const others = byNode.get(nodeId)
      if (others === undefined) byNode.set(nodeId, [request])
      else others.push(request)
    }
    return byNode
  }

  partition(topic: string, index: number): PartitionWatch {
    const name = `${index} ${topic}`
    const known = this.partitions.get(name)
    if (known !== undefined) return known
    const made = { returned: [], acked: 0, lastOffset: '' }
    this.partitions.set(name, made)
    return made
  }

  #started(message: ProduceTrace): void {
    if (message.producer !== this.#producer) return
    const { nodeId, address, clientId } = message
    this.clientId = clientId
    this.addresses.set(nodeId, address)
    const batches = message.batches.map(stateOf)
    for (const batch of batches) {
      if (batch.attempt === 1) continue
      const { returned } = this.partition(batch.topic, batch.partition)
      const again = returned.findIndex(one => !one.stored && !isBefore(batch, one) && !isBefore(one, batch))
      // Under a new epoch it has a new sequence; batches are sent again in order.
      const index = again === -1 ? returned.findIndex(one => !one.stored) : again
      if (index !== -1) returned.splice(index, 1)
    }
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0)
    this.#sent.set(message, { nodeId, id: ++this.#requests, sentAt: this.#now(), bytes, batches })
  }

  #ended(message: ProduceTrace): void {
    const sent = this.#sent.get(message)
    if (sent === undefined) return
    this.#sent.delete(message)
    const { results, error } = message
    if (results === undefined) this.#lost({ ...sent, why: describe(error) })
    else {
      this.answered.requests++
      this.answered.latencyMs += this.#now() - sent.sentAt
    }
    for (const [i, batch] of sent.batches.entries()) {
      const { count } = message.batches[i]!
      const result = results?.[i]
      const watch = this.partition(batch.topic, batch.partition)
      const stored = result !== undefined && result.error === undefined
      if (!stored || watch.returned.some(one => isBefore(one, batch))) watch.returned.push({ ...batch, stored })
      if (!stored) continue
      watch.acked += count
      if (result.baseOffset >= 0n) watch.lastOffset = String(result.baseOffset + BigInt(count) - 1n)
      while (watch.returned[0]?.stored) watch.returned.shift()
    }
  }
}

/** Made anew for each use: Node keeps the channels themselves. */
const channel = () => tracingChannel<unknown, ProduceTrace>('rx-kafka:produce')

function stateOf({
  topic,
  partition,
  producerEpoch,
  baseSequence,
  count,
  bytes,
  attempt,
}: ProduceTraceBatch): BatchState {
  return {
    topic,
    partition,
    epoch: producerEpoch,
    firstSequence: baseSequence,
    lastSequence: (baseSequence + count - 1) % SEQUENCES,
    bytes,
    attempt,
  }
}

/** Sequences start again at 0, so the nearer way round says which is earlier. */
function isBefore(one: BatchState, other: BatchState): boolean {
  if (one.epoch !== other.epoch) return one.epoch < other.epoch
  const distance = (other.firstSequence - one.firstSequence + SEQUENCES) % SEQUENCES
  return distance !== 0 && distance < SEQUENCES / 2
}
