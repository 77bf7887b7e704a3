import type { Observable } from 'rxjs'
import type { RecordBatch } from '../protocol/records/record-batch.js'
import { readOptions } from '../read-options.js'
import { type Address, formatAddress } from '../transport/transport.js'
import { Session } from './connection/session.js'
import { checkApiVersions, servedNames } from './handlers/apis.js'
import type { Listening } from './network/network.js'
import type { ClusterSslOptions } from './network/tcp-network.js'
import { ClusterState } from './state/cluster-state.js'
import type { FaultRule, InjectedFault } from './state/faults.js'
import type { CommittedOffset } from './state/group-offsets.js'
import type { StoredRecord } from './state/log.js'
import { type ClusterOptions, resolveClusterOptions } from './state/options.js'
import type { PartitionState } from './state/partition.js'
import { MAX_PARTITIONS, type TopicOptions, type TopicState } from './state/topics.js'
import type { Depth, TraceEntry } from './state/trace.js'
import type { TransactionState } from './state/transaction.js'

/** Which records are read, as by a consumer's `isolation.level`. */
export type Isolation = 'read_uncommitted' | 'read_committed'

/** What a coordinator knows of a transactional id. */
export interface TransactionInfo {
  /** The state, as Kafka calls it. */
  readonly state: TransactionState
  /** The producer id that belongs to the transactional id. */
  readonly producerId: bigint
  /** Its epoch now. */
  readonly producerEpoch: number
  /** Node id; -1: no node is up. */
  readonly coordinator: number
}

/**
 * Starts brokers inside this process: real Kafka protocol, on real sockets or on a network in memory. They check what a
 * producer sends as Kafka does (CRC, counts, sequences, epochs), hold it in memory, give it back to any consumer, keep a
 * trace of it all, and fail on request.
 *
 * @throws {RangeError} when an option is out of range; what the network throws when an address can't be listened at. Nothing
 *   is left listening then.
 *
 * @example
 * const cluster = await startCluster({ nodes: 3, topics: { orders: { partitions: 6 } } })
 * const producer = createProducer({ brokers: cluster.brokers })
 * cluster.inject({ topic: 'orders', fault: { kind: 'appendThenDrop' } })
 * …
 * assert.equal(cluster.records('orders', 0).length, 100)
 * await cluster.stop()
 */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const resolved = resolveClusterOptions(options)
  checkApiVersions(resolved.apiVersions)
  const cluster = new TestCluster(new ClusterState(resolved))
  try {
    await cluster.start()
  } catch (error) {
    // Nodes may listen already, and only this can stop them.
    await cluster.stop()
    throw error
  }
  return cluster
}

/** Brokers inside this process; {@link startCluster} starts them. */
export class TestCluster implements AsyncDisposable {
  readonly #state: ClusterState
  readonly #listening = new Map<number, Listening>()
  /** Where each node listens, or did before it was stopped. */
  readonly #addresses = new Map<number, Address>()

  /** Use {@link startCluster}. @internal */
  constructor(state: ClusterState) {
    this.#state = state
  }

  /** Where the nodes listen, as a client's bootstrap list. */
  get brokers(): string[] {
    return [...this.#addresses.values()].map(formatAddress)
  }

  /** The cluster id that metadata reports. No other cluster on the same network has it. */
  get clusterId(): string {
    return this.#state.clusterId
  }

  /** What has happened so far, in order; empty with `trace: false`. */
  get trace(): readonly TraceEntry[] {
    return this.#state.trace.entries
  }

  /** Emits what happens from now on. */
  get trace$(): Observable<TraceEntry> {
    return this.#state.trace.entries$
  }

  /** How many produce requests of one connection were unanswered at once: the producer's window, seen from here. */
  get depth(): Depth {
    return this.#state.depth
  }

  /** The topics that there are now, each with how many partitions it has. */
  get topics(): ReadonlyMap<string, number> {
    return new Map(this.#state.topics.all.map(({ name, partitions }) => [name, partitions.length]))
  }

  /** The id of a topic, as hexadecimal digits. A topic that is deleted and made again has another one. */
  topicId(topic: string): string {
    const found = this.#state.topics.get(topic)
    if (found === undefined) throw new RangeError(`there is no topic ${topic}`)
    return found.id.toString('hex')
  }

  /**
   * Every record of a partition that can be read, in order.
   *
   * @param isolation as of a consumer: `read_committed` leaves out records of transactions that are open or were aborted, and what
   *   lies behind an open one. Default `read_uncommitted`.
   */
  records(topic: string, partition: number, { isolation }: { readonly isolation?: Isolation } = {}): StoredRecord[] {
    const found = this.#partition(topic, partition)
    return isolation === 'read_committed' ? found.committedRecords() : found.log.records()
  }

  /** The node that coordinates a transactional id; -1: no node is up. */
  coordinator(transactionalId: string): number {
    return this.#state.transactions.coordinator(transactionalId)
  }

  /** What the coordinator knows of a transactional id; undefined until a producer was initialized with it. */
  transaction(transactionalId: string): TransactionInfo | undefined {
    const transaction = this.#state.transactions.get(transactionalId)
    if (transaction === undefined) return undefined
    const { state, producerId, producerEpoch } = transaction
    return { state, producerId, producerEpoch, coordinator: this.coordinator(transactionalId) }
  }

  /**
   * Lets another node, or the same one again, coordinate a transactional id. It loads its state for `coordinatorLoadMs`, then goes on
   * with what is not finished.
   */
  moveCoordinator(transactionalId: string, node: number): void {
    if (!this.#listening.has(node)) throw new RangeError(`node ${node} is not up`)
    this.#state.transactions.move(transactionalId, node)
  }

  /** The batches of a partition as they are stored, markers of transactions among them. */
  batches(topic: string, partition: number): readonly RecordBatch[] {
    return this.#partition(topic, partition).log.batches
  }

  /** What a consumer group has committed for a partition; undefined: nothing. */
  committedOffset(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#state.group(group).offsets.get(topic, partition)
  }

  /** The node that leads a partition; -1: none does. */
  leader(topic: string, partition: number): number {
    return this.#partition(topic, partition).leader
  }

  /**
   * Injects a fault into requests to come. Of several rules that match a request, the one that was injected first applies.
   *
   * @throws {RangeError} when the rule could never apply, or holds a value that means nothing.
   *
   * @example cluster.inject({ topic: 'orders', fault: { kind: 'delay', ms: 500 }, times: 3 })
   */
  inject(rule: FaultRule): InjectedFault {
    const { api = 'Produce' } = rule
    if (!servedNames.includes(api)) {
      throw new RangeError(`there is no API '${api}' here, only ${servedNames.join(', ')}`)
    }
    return this.#state.faults.inject(rule)
  }

  /**
   * Creates a topic.
   *
   * @throws {RangeError} when there is one of this name, or an option is out of range.
   */
  createTopic(name: string, options?: TopicOptions): void {
    this.#state.createTopic(name, options)
  }

  /** Deletes the topic, its records and its committed offsets. A later topic of the same name has another topic id. */
  deleteTopic(name: string): void {
    this.#topic(name)
    this.#state.deleteTopic(name)
  }

  /**
   * Adds partitions to a topic.
   *
   * @param total how many it has afterwards.
   *
   * @throws {RangeError} when it has as many already: partitions can't be taken away.
   */
  addPartitions(name: string, total: number): void {
    const topic = this.#topic(name)
    const { length } = topic.partitions
    if (!Number.isInteger(total) || total <= length || total > MAX_PARTITIONS) {
      throw new RangeError(
        `topic '${name}' has ${length} partitions and can get more, up to ${MAX_PARTITIONS}, not ${total}`,
      )
    }
    this.#state.topics.addPartitions(topic, total, this.#state.nodes)
  }

  /**
   * Lets another node lead a partition, in a new leader epoch.
   *
   * @throws {RangeError} when the node is not up.
   */
  moveLeader(topic: string, partition: number, node: number): void {
    if (!this.#listening.has(node)) throw new RangeError(`node ${node} is not up`)
    this.#lead(this.#partition(topic, partition), node)
  }

  /** Deletes the records below the offset. Producer state stays, as in Kafka. */
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): void {
    this.#partition(topic, partition).log.deleteBefore(beforeOffset)
  }

  /** Removes the batches from the offset on, and the producer state that came from them, as an unclean election may. */
  truncate(topic: string, partition: number, offset: bigint): void {
    this.#partition(topic, partition).truncate(offset)
  }

  /**
   * Keeps only the last batch of each producer in a partition's producer state, as a leader that has restarted from its snapshot: an
   * older batch that is sent again is out of sequence, though it is stored.
   */
  reloadProducers(topic: string, partition: number): void {
    this.#partition(topic, partition).producers.reload()
  }

  /** Removes one producer, or all, from a partition's producer state. */
  forgetProducer(topic: string, partition: number, producerId?: bigint): void {
    this.#partition(topic, partition).producers.forget(producerId)
  }

  /** Removes every producer without an open transaction from all partitions, as after `producer.id.expiration.ms` without a record. */
  expireProducers(): void {
    for (const topic of this.#state.topics.all) for (const partition of topic.partitions) partition.expireProducers()
  }

  /**
   * Adds a user, changes its password, or removes the user without one. As with Kafka, a client that has authenticated already
   * goes on until its session ends.
   *
   * @throws {RangeError} when the cluster was started without `sasl`.
   */
  setUser(name: string, password: string | undefined): void {
    const { sasl } = this.#state.options
    if (sasl === undefined) throw new RangeError('the cluster was started without option `sasl`')
    sasl.users.set(name, password)
  }

  /**
   * Replaces key, certificate and authority. As with Kafka's dynamic keystores, connections that stand go on, and new ones are shown the
   * new certificate.
   *
   * @throws {RangeError} when the cluster was started without `ssl`.
   */
  setSsl(renewed: ClusterSslOptions): void {
    const { ssl } = this.#state.options
    if (ssl === undefined) throw new RangeError('the cluster was started without option `ssl`')
    ssl.current = readOptions(renewed)
  }

  /** Stops a node: cuts its connections, and moves its leaderships to other nodes. */
  async stopNode(node: number): Promise<void> {
    const listening = this.#listening.get(node)
    if (listening === undefined) throw new RangeError(`node ${node} is not up`)
    this.#listening.delete(node)
    this.#state.nodeStopped(node)
    const heirs = this.#state.nodes
    let inherited = 0
    for (const topic of this.#state.topics.all) {
      for (const partition of topic.partitions) {
        if (partition.leader === node) this.#lead(partition, heirs[inherited++ % heirs.length] ?? -1)
      }
    }
    this.#state.transactions.nodeStopped(node)
    await listening.close()
  }

  /**
   * Starts the node again. It leads partitions without a leader.
   *
   * @param port where it listens now; 0: any that is free. Default: where it did before.
   */
  async startNode(node: number, port?: number): Promise<void> {
    const address = this.#addresses.get(node)
    if (address === undefined || this.#listening.has(node)) throw new RangeError(`node ${node} is not down`)
    await this.#join(node, { ...address, port: port ?? address.port })
  }

  /** Adds a node at a free port, and returns its id. It leads partitions without a leader, and can be given more. */
  async addNode(): Promise<number> {
    const node = this.#addresses.size + 1
    await this.#join(node, { host: this.#state.options.host, port: 0 })
    return node
  }

  /** Ends every socket and timer. */
  async stop(): Promise<void> {
    this.#state.stop()
    const listening = [...this.#listening.values()]
    this.#listening.clear()
    await Promise.all(listening.map(one => one.close()))
    this.#state.trace.entries$.complete()
  }

  /** As {@link stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Called by {@link startCluster}. @internal */
  async start(): Promise<void> {
    const { nodes, host, port, topics } = this.#state.options
    for (let node = 1; node <= nodes; node++) await this.#listen(node, { host, port: port === 0 ? 0 : port + node - 1 })
    this.#state.clusterId = `rx-kafka-testing-${formatAddress(this.#addresses.get(1)!)}`
    for (const [name, options] of Object.entries(topics)) this.#state.createTopic(name, options)
  }

  async #join(node: number, address: Address): Promise<void> {
    await this.#listen(node, address)
    this.#state.transactions.nodeStarted()
    for (const topic of this.#state.topics.all) {
      for (const partition of topic.partitions) if (partition.leader === -1) this.#lead(partition, node)
    }
  }

  async #listen(node: number, address: Address): Promise<void> {
    const listening = await this.#state.options.network.listen(
      address,
      socket => new Session(this.#state, node, socket),
    )
    this.#listening.set(node, listening)
    this.#addresses.set(node, listening.address)
    this.#state.addresses.set(node, listening.address)
  }

  #lead(partition: PartitionState, node: number): void {
    partition.formerLeader = partition.leader
    partition.leader = node
    partition.leaderEpoch++
    this.#state.readable$.next()
  }

  #topic(name: string): TopicState {
    const topic = this.#state.topics.get(name)
    if (topic === undefined) throw new RangeError(`there is no topic '${name}'`)
    return topic
  }

  #partition(topic: string, index: number): PartitionState {
    const partition = this.#topic(topic).partitions[index]
    if (partition === undefined) throw new RangeError(`topic '${topic}' has no partition ${index}`)
    return partition
  }
}
