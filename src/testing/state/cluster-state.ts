import { type Observable, type SchedulerLike, Subject, Subscription } from 'rxjs'
import type { Address } from '../../transport/transport.js'
import type { Authenticator } from '../sasl/sasl.js'
import { FaultPlan } from './faults.js'
import { Group } from './group.js'
import { type ResolvedClusterOptions, readKnown } from './options.js'
import { isTopicName, MAX_PARTITIONS, TOPIC_NAMES, type TopicOptions, type TopicState, Topics } from './topics.js'
import { Depth, Trace } from './trace.js'
import type { Transaction } from './transaction.js'
import { type TransactionHost, Transactions } from './transactions.js'

/** A request's surroundings. */
export interface Client {
  readonly cluster: ClusterState
  /** The node that received the request. */
  readonly node: number
  readonly connection: number
  readonly clientId: string | null
  readonly authenticator: Authenticator
}

/** Handles the requests of one API: answers at once, or when the Observable first emits. */
export type Handler<Request, Response> = (
  client: Client,
  request: Request,
  version: number,
) => Response | Observable<Response>

/** What the nodes of a cluster share. */
export class ClusterState implements TransactionHost {
  readonly options: ResolvedClusterOptions
  readonly topics: Topics
  readonly faults: FaultPlan = new FaultPlan()
  readonly trace: Trace
  readonly depth: Depth = new Depth()
  readonly transactions: Transactions = new Transactions(this)
  /** Reported in metadata. Made from the first node's address: unique on a network, and the same when a cluster restarts there. */
  clusterId = ''
  /** The nodes that are up. */
  readonly addresses: Map<number, Address> = new Map()
  /** Emits when a log has grown, or another node leads it: fetches that wait look again. */
  readonly readable$: Subject<void> = new Subject<void>()
  readonly #groups = new Map<string, Group>()
  /** By node: work that is carried out later, even if its connection is gone by then. */
  readonly #later = new Map<number, Subscription>()
  #lastProducerId = 999n
  #lastConnection = 0

  constructor(options: ResolvedClusterOptions) {
    this.options = options
    this.topics = new Topics(options.strictFirstSequence)
    this.trace = new Trace(() => this.now(), options.trace)
  }

  get scheduler(): SchedulerLike {
    return this.options.scheduler
  }

  /** The nodes that are up, in order; the first is the controller. */
  get nodes(): number[] {
    return [...this.addresses.keys()].sort((a, b) => a - b)
  }

  now(): number {
    return this.options.scheduler.now()
  }

  nextProducerId(): bigint {
    return ++this.#lastProducerId
  }

  nextConnection(): number {
    return ++this.#lastConnection
  }

  /** Returns a consumer group, created on first use. */
  group(id: string): Group {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = new Group(this.scheduler)
      this.#groups.set(id, group)
    }
    return group
  }

  /** Does something at a node after a while, unless the node is stopped before. */
  later(node: number, action: () => void, delayMs: number): void {
    let ofNode = this.#later.get(node)
    if (ofNode === undefined) {
      ofNode = new Subscription()
      this.#later.set(node, ofNode)
    }
    ofNode.add(this.scheduler.schedule(action, delayMs))
  }

  /** The node is down: what it had still to do is not done. */
  nodeStopped(node: number): void {
    this.addresses.delete(node)
    this.#later.get(node)?.unsubscribe()
    this.#later.delete(node)
  }

  /** Called by {@link Transactions}. */
  endTransaction({ state, producerId, producerEpoch, participants }: Transaction, coordinatorEpoch: number): void {
    const marker = { producerId, producerEpoch, committed: state === 'PrepareCommit', coordinatorEpoch }
    for (const one of participants.values()) {
      // A partition may be gone by now.
      if (one.kind === 'partition') this.topics.partition(one.topic, one.partition)?.appendMarker(marker, this.now())
      else this.group(one.groupId).offsets.ended(marker, marker.committed)
    }
    this.readable$.next()
  }

  /** Called by {@link Transactions}. */
  transactionChanged(transactionalId: string, { state, producerId, producerEpoch }: Transaction, node: number): void {
    this.trace.add({ kind: 'transaction', node, transactionalId, state, producerId, producerEpoch })
  }

  /** Ends every timer. */
  stop(): void {
    for (const ofNode of this.#later.values()) ofNode.unsubscribe()
    for (const group of this.#groups.values()) group.stop()
    this.transactions.stop()
  }

  deleteTopic(name: string): void {
    this.topics.delete(name)
    for (const { offsets } of this.#groups.values()) offsets.deleteTopic(name)
    this.readable$.next()
  }

  /** @throws RangeError when the name is not valid or taken, or an option is out of range. */
  createTopic(name: string, given: TopicOptions = {}): TopicState {
    const options = readKnown('a topic', given, TOPIC_NAMES)
    const {
      partitions = this.options.defaultPartitions,
      logAppendTime = false,
      cleanupPolicy = 'delete',
      messageTimestampBeforeMaxMs = Number.POSITIVE_INFINITY,
      messageTimestampAfterMaxMs = Number.POSITIVE_INFINITY,
    } = options
    if (!isTopicName(name)) throw new RangeError(`'${name}' is not a valid topic name`)
    if (this.topics.get(name) !== undefined) throw new RangeError(`topic '${name}' exists already`)
    if (!Number.isInteger(partitions) || partitions < 1)
      throw new RangeError(`a topic needs 1 partition at least, not ${partitions}`)
    if (partitions > MAX_PARTITIONS)
      throw new RangeError(`a topic has ${MAX_PARTITIONS} partitions at most here, not ${partitions}`)
    if (cleanupPolicy !== 'delete' && cleanupPolicy !== 'compact')
      throw new RangeError(`option \`cleanupPolicy\` is '${cleanupPolicy}', but it must be 'delete' or 'compact'`)
    for (const [option, value] of Object.entries({ messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs })) {
      if (!(value >= 0)) throw new RangeError(`option \`${option}\` is ${value}, but it must be 0 at least`)
    }
    // Not always from the first node on: leaders are spread over topics too.
    const { nodes } = this
    const first = this.topics.all.length % Math.max(nodes.length, 1)
    const leaders = [...nodes.slice(first), ...nodes.slice(0, first)]
    const rules = { logAppendTime, cleanupPolicy, messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs }
    return this.topics.create(name, partitions, leaders, rules)
  }
}
