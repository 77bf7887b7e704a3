import type { InjectedFault } from '../../src/testing/index.js'
import { Random } from '../support/random.js'
import { LONGEST_COMPRESSION } from '../support/slow-codec.js'
import { startWorld, type World } from '../support/world.js'
import type { History } from './history.js'
import { Paired } from './paired.js'
import { logsOf, Recorder } from './recorder.js'
import type { Schedule, Step } from './schedule.js'
import { openStream, probe, type RunningStream } from './streams.js'

/** Runs a schedule in virtual time: its streams and steps, then everything is healed, given time, and closed. */
export async function run(schedule: Schedule): Promise<History> {
  const { partitions, latencyMs, compacted: _, old, ...cluster } = schedule.cluster
  const topics = Object.fromEntries(
    partitions.map((count, i) => [`t${i}`, { partitions: count, cleanupPolicy: policyOf(schedule) }]),
  )
  // Without any, records take another way.
  const interceptors = schedule.seed % 2 === 0 ? [] : [new Paired()]
  const world = await startWorld({
    cluster: { ...cluster, topics, ...(old && { apiVersions: { Produce: [3, 7], Metadata: [4, 9] } }) },
    producer: { ...schedule.producer, interceptors, random: new Random(schedule.seed).next },
    latencyMs,
  })
  return new Run(world, schedule, interceptors).whole()
}

function policyOf({ cluster }: Schedule): 'compact' | 'delete' {
  return cluster.compacted ? 'compact' : 'delete'
}

/** Metadata comes every five minutes, when nothing happens. */
const REST_MS = 1_000_000

class Run {
  readonly #world: World
  readonly #schedule: Schedule
  readonly #recorder: Recorder
  readonly #streams: readonly RunningStream[]
  readonly #interceptors: readonly Paired[]
  readonly #faults: InjectedFault[] = []
  readonly #down = new Set<number>()
  #closing: Promise<void> | undefined

  constructor(world: World, schedule: Schedule, interceptors: readonly Paired[]) {
    this.#interceptors = interceptors
    this.#world = world
    this.#schedule = schedule
    this.#recorder = new Recorder(world)
    this.#streams = schedule.streams.map(plan => openStream(world, this.#recorder, plan))
  }

  async whole(): Promise<History> {
    const { time, cluster, producer } = this.#world
    for (const step of this.#schedule.steps) {
      await time.advance(step.wait)
      await this.#do(step)
    }
    await this.#heal()
    const limit = this.#limitMs
    await this.#within(limit, () => this.#streams.every(({ finished }) => finished))
    await this.#within(limit, () => producer.bufferedBytes === 0)
    if (!this.#ended) this.#recorder.stuck.push(...(await probe(this.#world, this.#recorder, limit)))
    this.#close()
    await this.#within(limit, () => this.#streams.every(({ over }) => over))
    for (const stream of this.#streams) stream.stop()
    await time.until(this.#closing!, limit).catch(() => undefined)
    for (const { findings } of this.#interceptors) this.#recorder.intercepted.push(...findings)
    const logs = [...cluster.topics.keys()].flatMap(topic => logsOf(cluster, topic))
    await cluster.stop()
    // A codec at work can't be stopped.
    await time.advance(this.#schedule.producer.compression === 'gzip' ? LONGEST_COMPRESSION : 0)
    return this.#recorder.history(this.#schedule, logs)
  }

  /** Far more than anything may take when nothing is wrong any more. */
  get #limitMs(): number {
    const { requestTimeoutMs = 30_000, deliveryTimeoutMs = 120_000 } = this.#schedule.producer
    return 60_000 + 2 * (requestTimeoutMs + deliveryTimeoutMs)
  }

  get #ended(): boolean {
    return this.#closing !== undefined || this.#world.events.some(({ kind }) => kind === 'fatal')
  }

  /** What does not come about within its time is for the oracle to tell. */
  async #within(limitMs: number, goal: () => boolean): Promise<void> {
    await this.#world.time.until(goal, limitMs).catch(() => undefined)
  }

  async #do(step: Step): Promise<void> {
    const { cluster, network, producer } = this.#world
    switch (step.do) {
      case 'inject':
        this.#faults.push(cluster.inject(step.rule))
        return
      case 'moveLeader':
        if (!this.#down.has(step.node) && this.#has(step)) cluster.moveLeader(step.topic, step.partition, step.node)
        return
      case 'stopNode':
        return this.#stop(step.node)
      case 'stopAll':
        for (let node = 1; node <= this.#schedule.cluster.nodes; node++) await this.#stop(node)
        return
      case 'startNode':
        return this.#start(step.node)
      case 'startAll':
        return this.#startAll()
      case 'cut':
        network.cut(this.#address(step.node))
        return
      case 'addPartitions': {
        const { topic, more } = step
        const count = cluster.topics.get(topic)
        if (count !== undefined) cluster.addPartitions(topic, count + more)
        return
      }
      case 'deleteRecords': {
        const { topic, partition, count } = step
        if (!this.#has(step)) return
        const first = cluster.records(topic, partition)[0]?.offset ?? 0n
        this.#recorder.removing(topic, () => cluster.deleteRecords(topic, partition, first + BigInt(count)))
        return
      }
      case 'truncate':
        if (this.#has(step)) this.#truncate(step.topic, step.partition, step.batches)
        return
      case 'reloadProducers':
        if (this.#has(step)) cluster.reloadProducers(step.topic, step.partition)
        return
      case 'forgetProducer':
        // A batch that is stored and not confirmed would be stored again: that is the broker's doing, so not while there may be one.
        if (!this.#has(step) || this.#recorder.unsettledOf(step.topic).size > 0 || this.#requestsOutlive()) return
        this.#recorder.forgets(step.topic, step.partition)
        cluster.forgetProducer(step.topic, step.partition)
        return
      case 'expireProducers':
        return this.#expireProducers()
      case 'deleteTopic': {
        const { topic } = step
        const count = cluster.topics.get(topic)
        if (count === undefined || this.#requestsOutlive()) return
        for (let partition = 0; partition < count; partition++) this.#recorder.forgets(topic, partition)
        this.#recorder.deletes(topic)
        this.#recorder.removing(topic, () => cluster.deleteTopic(topic))
        if (step.partitions !== undefined) this.#create(topic, step.partitions)
        return
      }
      case 'createTopic':
        this.#create(step.topic, step.partitions)
        return
      case 'flush':
        this.#recorder.called('flush', producer.flush())
        return
      case 'unsubscribe':
        this.#streams[step.stream]?.unsubscribe()
        return
      case 'close':
        this.#close()
    }
  }

  #truncate(topic: string, partition: number, count: number): void {
    const { cluster } = this.#world
    const batches = cluster.batches(topic, partition)
    const first = batches[Math.max(0, batches.length - count)]
    if (first === undefined) return
    // With the last batch of a producer goes what is known of it.
    if (count >= batches.length) this.#recorder.forgets(topic, partition)
    this.#recorder.removing(topic, () => cluster.truncate(topic, partition, first.baseOffset))
  }

  /** Whether a broker may still have requests of connections that are gone: no longer than producers are remembered. */
  #requestsOutlive(): boolean {
    const { cluster, time } = this.#world
    return cluster.trace.some(
      entry => entry.kind === 'fault' && entry.fault.kind === 'carryOutLate' && entry.at + entry.fault.ms >= time.now(),
    )
  }

  /** Brokers forget who is idle for long: here, for as long as it takes metadata to come twice with nothing sent meanwhile. */
  async #expireProducers(): Promise<void> {
    const { cluster, events, producer } = this.#world
    const { offeredCount } = this.#recorder
    const seen = events.length
    const idle = (): boolean => producer.bufferedBytes === 0 && this.#recorder.offeredCount === offeredCount
    const refreshed = (): boolean => events.slice(seen).filter(({ kind }) => kind === 'metadata').length >= 2
    if (!idle()) return
    await this.#within(REST_MS, () => !idle() || refreshed())
    if (idle() && refreshed() && !this.#requestsOutlive()) cluster.expireProducers()
  }

  async #stop(node: number): Promise<void> {
    if (this.#down.has(node)) return
    this.#down.add(node)
    await this.#world.cluster.stopNode(node)
  }

  async #start(node: number): Promise<void> {
    if (this.#down.delete(node)) await this.#world.cluster.startNode(node)
  }

  async #startAll(): Promise<void> {
    for (const node of [...this.#down]) await this.#start(node)
  }

  #close(): void {
    if (this.#closing !== undefined) return
    this.#closing = this.#world.producer.close()
    this.#recorder.called('close', this.#closing)
  }

  async #heal(): Promise<void> {
    const { network } = this.#world
    for (const fault of this.#faults) fault.remove()
    await this.#startAll()
    for (const topic of this.#schedule.cluster.partitions.map((_, i) => `t${i}`)) {
      this.#create(topic, 1)
    }
    // A connection that is read slowly stays so until it ends.
    for (let node = 1; node <= this.#schedule.cluster.nodes; node++) network.cut(this.#address(node))
  }

  #create(topic: string, partitions: number): void {
    const { cluster } = this.#world
    if (cluster.topics.has(topic)) return
    cluster.createTopic(topic, { partitions, cleanupPolicy: policyOf(this.#schedule) })
  }

  #has({ topic, partition }: { readonly topic: string; readonly partition: number }): boolean {
    return partition < (this.#world.cluster.topics.get(topic) ?? 0)
  }

  #address(node: number): { host: string; port: number } {
    const [host, port] = this.#world.cluster.brokers[node - 1]!.split(':')
    return { host: host!, port: Number(port) }
  }
}
