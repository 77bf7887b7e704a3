import { createProducer } from '../../../src/index.js'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.js'
import {
  type InjectedFault,
  MemoryNetwork,
  startCluster,
  type TestCluster,
  VirtualTime,
} from '../../../src/testing/index.js'
import { Random } from '../../support/random.js'
import { RawClient } from '../../testing/raw-client.js'
import type { LogHistory, TransactionHistory } from './history.js'
import { Instance } from './instance.js'
import { numberOf, Recorder } from './recorder.js'
import { GROUP, ID, type Step, type TransactionSchedule } from './schedule.js'

/** Runs a schedule in virtual time: its instances and steps. Then heals, probes and closes everything. */
export async function run(schedule: TransactionSchedule): Promise<TransactionHistory> {
  const time = new VirtualTime()
  const { partitions, latencyMs, ...cluster } = schedule.cluster
  const network = new MemoryNetwork({ scheduler: time, latencyMs })
  const topics = Object.fromEntries(partitions.map((count, i) => [`t${i}`, { partitions: count }]))
  return new Run(schedule, time, network, await startCluster({ ...cluster, topics, scheduler: time, network })).whole()
}

class Run {
  readonly #schedule: TransactionSchedule
  readonly #time: VirtualTime
  readonly #network: MemoryNetwork
  readonly #cluster: TestCluster
  readonly #recorder: Recorder
  readonly #instances: Instance[] = []
  readonly #events: unknown[][] = []
  readonly #closings = new Map<number, Promise<void>>()
  readonly #faults: InjectedFault[] = []
  readonly #down = new Set<number>()
  readonly #recreated = new Set<string>()
  readonly #hanging: string[] = []

  constructor(schedule: TransactionSchedule, time: VirtualTime, network: MemoryNetwork, cluster: TestCluster) {
    this.#schedule = schedule
    this.#time = time
    this.#network = network
    this.#cluster = cluster
    this.#recorder = new Recorder(time)
  }

  async whole(): Promise<TransactionHistory> {
    const { instances, steps } = this.#schedule
    const time = this.#time
    const running = instances.map(async ({ startsAt, works }) => {
      const instance = this.#create()
      if (startsAt > 0) await new Promise<void>(resolve => time.schedule(() => resolve(), startsAt))
      await instance.start(works)
    })
    for (const step of steps) {
      await time.advance(step.wait)
      await this.#do(step)
    }
    await this.#heal()
    const healedAt = time.now()
    await this.#within('a work', Promise.all(running))
    for (const instance of this.#instances) await this.#within('an abort', instance.leave())
    const probes = await this.#probe()
    const closed = new Set(this.#closings.keys())
    for (const i of this.#instances.keys()) this.#close(i)
    await this.#within('close()', Promise.all(this.#closings.values()))
    const position = await this.#succeed()
    // Markers may still be on their way.
    await this.#time.advance(this.#schedule.cluster.markerDelayMs)
    const offsets = await this.#offsets()
    const logs = this.#logs()
    await this.#cluster.stop()
    for (const instance of this.#instances) instance.stop()
    await time.advance(0)
    const { transactions, records, settled } = this.#recorder
    return {
      schedule: this.#schedule,
      transactions,
      records,
      settled,
      instances: this.#instances.map((_, i) => ({
        clientId: `i${i}`,
        events: this.#events[i] as TransactionHistory['instances'][number]['events'],
        closed: closed.has(i),
        probe: probes.get(i),
      })),
      logs,
      offsets,
      position,
      overflowed: this.#recorder.overflowed,
      recreated: this.#recreated,
      depth: this.#cluster.depth.most(),
      trace: this.#cluster.trace,
      healedAt,
      hanging: this.#hanging,
      left: {
        bytes: this.#instances.reduce((sum, { producer }) => sum + producer.bufferedBytes, 0),
        connections: this.#network.connections,
        timers: time.pending,
      },
    }
  }

  #create(): Instance {
    const index = this.#instances.length
    const producer = createProducer({
      ...this.#schedule.producer,
      transactionalId: ID,
      clientId: `i${index}`,
      brokers: this.#cluster.brokers,
      scheduler: this.#time,
      transport: this.#network,
      random: new Random(this.#schedule.seed + index).next,
    })
    const events: unknown[] = []
    producer.events$.subscribe(event => events.push({ at: this.#time.now(), ...event }))
    this.#events.push(events)
    const instance = new Instance(index, producer, this.#time, this.#recorder)
    this.#instances.push(instance)
    return instance
  }

  /** Everything is healthy: every producer that is still there commits once more, unless it was fenced. */
  async #probe(): Promise<Map<number, number>> {
    const probes = new Map<number, number>()
    for (const [i, instance] of this.#instances.entries()) {
      if (this.#closings.has(i)) continue
      const index = await this.#within(`the probe of instance ${i}`, instance.probe(this.#cluster.topics))
      if (index !== undefined) probes.set(i, index)
    }
    return probes
  }

  /** The next instance takes over, reads the position, and commits. Returns the position. */
  async #succeed(): Promise<string | undefined> {
    const next = this.#create()
    const index = this.#instances.length - 1
    const position = await this.#within('position()', next.producer.position())
    await this.#within('the probe of the next instance', next.probe(this.#cluster.topics))
    this.#close(index)
    await this.#within('close() of the next instance', this.#closings.get(index)!)
    return position
  }

  async #offsets(): Promise<Map<number, number>> {
    const client = new RawClient(this.#network, this.#cluster.brokers[0]!)
    await this.#time.until(() => client.open)
    const request = { groupId: GROUP, topics: null, requireStable: true }
    const { topics } = await this.#time.until(client.request(offsetFetch, 7, request))
    client.destroy()
    const all = topics.flatMap(({ partitions }) => partitions)
    return new Map(all.map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]))
  }

  #logs(): LogHistory[] {
    const numbers = (topic: string, partition: number, isolation: 'read_committed' | 'read_uncommitted'): number[] =>
      this.#cluster.records(topic, partition, { isolation }).map(({ value }) => numberOf(value))
    return [...this.#cluster.topics].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({
        topic,
        partition,
        committed: numbers(topic, partition, 'read_committed'),
        all: numbers(topic, partition, 'read_uncommitted'),
      })),
    )
  }

  /** What does not come about within far more time than anything may take is for the oracle to tell. */
  async #within<T>(what: string, goal: Promise<T>): Promise<T | undefined> {
    const { requestTimeoutMs = 30_000, deliveryTimeoutMs = 120_000 } = this.#schedule.producer
    try {
      return await this.#time.until(goal, 60_000 + 2 * (requestTimeoutMs + deliveryTimeoutMs))
    } catch (error) {
      this.#hanging.push(`${what}: ${(error as Error).message}`)
      return undefined
    }
  }

  async #do(step: Step): Promise<void> {
    const cluster = this.#cluster
    switch (step.do) {
      case 'inject':
        this.#faults.push(cluster.inject(step.rule))
        return
      case 'moveLeader':
        if (!this.#down.has(step.node)) cluster.moveLeader(step.topic, step.partition, step.node)
        return
      case 'moveCoordinator':
        if (!this.#down.has(step.node)) cluster.moveCoordinator(ID, step.node)
        return
      case 'stopNode':
        return this.#stop(step.node)
      case 'startNode':
        return this.#start(step.node)
      case 'outage': {
        const nodes = this.#allNodes.filter(node => !this.#down.has(node))
        for (const node of nodes) await this.#stop(node)
        await this.#time.advance(step.ms)
        for (const node of nodes) await this.#start(node)
        return
      }
      case 'cut':
        this.#cut(step.node)
        return
      case 'reloadProducers':
        cluster.reloadProducers(step.topic, step.partition)
        return
      case 'recreateTopic': {
        const { topic } = step
        this.#recreated.add(topic)
        const partitions = cluster.topics.get(topic)!
        cluster.deleteTopic(topic)
        cluster.createTopic(topic, { partitions })
        return
      }
      case 'close':
        if (step.instance < this.#instances.length) this.#close(step.instance)
    }
  }

  get #allNodes(): number[] {
    return Array.from({ length: this.#schedule.cluster.nodes }, (_, i) => i + 1)
  }

  async #stop(node: number): Promise<void> {
    if (this.#down.has(node)) return
    this.#down.add(node)
    await this.#cluster.stopNode(node)
  }

  async #start(node: number): Promise<void> {
    if (this.#down.delete(node)) await this.#cluster.startNode(node)
  }

  #close(index: number): void {
    if (!this.#closings.has(index)) this.#closings.set(index, this.#instances[index]!.producer.close())
  }

  async #heal(): Promise<void> {
    for (const fault of this.#faults) fault.remove()
    for (const node of [...this.#down]) await this.#start(node)
    // Connections that never answer end by themselves only after `requestTimeoutMs`.
    for (const node of this.#allNodes) this.#cut(node)
  }

  #cut(node: number): void {
    const [host, port] = this.#cluster.brokers[node - 1]!.split(':')
    this.#network.cut({ host: host!, port: Number(port) })
  }
}
