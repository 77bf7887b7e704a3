import { type Observable, Subject } from 'rxjs'
import {
  type Ack,
  createProducer,
  type Producer,
  type ProducerEvent,
  type ProducerOptions,
  type ProducerRecord,
} from '../../src/index.js'
import {
  type ClusterOptions,
  MemoryNetwork,
  startCluster,
  type TestCluster,
  VirtualTime,
} from '../../src/testing/index.js'
import { withSlowGzip } from './slow-codec.js'

/** A producer and a cluster in virtual time, on a network in memory. With compression `'gzip'`, the codec takes virtual time, too. */
export interface World {
  readonly time: VirtualTime
  readonly network: MemoryNetwork
  readonly cluster: TestCluster
  readonly producer: Producer
  readonly events: ProducerEvent[]
  /** Closes both, and checks that no timer and no connection is left. */
  end(): Promise<void>
}

export interface WorldOptions {
  readonly cluster?: Omit<ClusterOptions, 'scheduler' | 'network'>
  readonly producer?: Partial<ProducerOptions>
  readonly latencyMs?: number
  /** Told of the time before anything happens in it. */
  readonly beforeStart?: (time: VirtualTime) => void
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const time = new VirtualTime()
  options.beforeStart?.(time)
  const network = new MemoryNetwork({ scheduler: time, latencyMs: options.latencyMs ?? 0 })
  const cluster = await startCluster({ ...options.cluster, scheduler: time, network })
  const given = {
    brokers: cluster.brokers,
    scheduler: time,
    transport: network,
    random: () => 0.5,
    ...options.producer,
  }
  const producer = withSlowGzip(time, given.random, () => createProducer(given))
  const events: ProducerEvent[] = []
  producer.events$.subscribe(event => events.push(event))
  const end = async (): Promise<void> => {
    await time.until(producer.close())
    await cluster.stop()
    await time.advance(0)
    if (time.pending > 0) throw new Error(`${time.pending} timers are left`)
    if (network.connections > 0) throw new Error(`${network.connections} connections are left`)
    if (producer.bufferedBytes > 0) throw new Error(`${producer.bufferedBytes} bytes are left in the buffer`)
  }
  return { time, network, cluster, producer, events, end }
}

/** What a stream has given so far. */
export interface Seen<T> {
  readonly values: T[]
  readonly done: boolean
  readonly error: Error | undefined
  unsubscribe(): void
}

export function watch<T>(stream$: Observable<T>): Seen<T> {
  const values: T[] = []
  let done = false
  let error: Error | undefined
  const subscription = stream$.subscribe({
    next: value => values.push(value),
    error: reason => {
      error = reason
    },
    complete: () => {
      done = true
    },
  })
  return {
    values,
    get done() {
      return done
    },
    get error() {
      return error
    },
    unsubscribe: () => subscription.unsubscribe(),
  }
}

/** A stream of records that a test pushes to, and its acks. */
export function open<M = unknown>(producer: Producer): { push: Subject<ProducerRecord<M>>; acks: Seen<Ack<M>> } {
  const push = new Subject<ProducerRecord<M>>()
  return { push, acks: watch(push.pipe(producer.send<M>())) }
}

/** The values of a partition's log, in order. */
export function valuesIn(cluster: TestCluster, topic: string, partition: number): string[] {
  return cluster.records(topic, partition).map(record => String(record.value))
}
