import { firstValueFrom, timer } from 'rxjs'
import type { TestCluster } from '../../testing/index.js'
import type { DashboardNote } from '../action.js'

export const TOPIC = 'orders'
export const NODES = 3
export const PARTITIONS = 6

/** One thing that happens, and what it shows. */
export interface Step {
  readonly label: string
  readonly help: string
  /** How long until the story goes on. */
  readonly ms: number
  run(cluster: TestCluster, tell: (note: DashboardNote) => void): void | Promise<void>
}

/** The story, in order. Each step is a button, too. */
export const STEPS: readonly Step[] = [
  {
    label: 'Leader moves',
    help: 'Another broker leads orders-0 from now on.',
    ms: 9_000,
    run(cluster, tell) {
      const from = cluster.leader(TOPIC, 0)
      const to = runningAfter(cluster, from)
      cluster.moveLeader(TOPIC, 0, to)
      tell({
        title: 'A leader moves',
        text: `${TOPIC}-0 moves from broker ${from} to broker ${to}. Broker ${from} rejects the batches in flight. They return to the front of the queue in order, and broker ${to} gets the first one after broker ${from} has answered the last one.`,
        rule: 6,
      })
    },
  },
  {
    label: 'Response lost',
    help: 'A broker stores a request, and its connection breaks before it has answered.',
    ms: 9_000,
    run(cluster, tell) {
      const node = cluster.leader(TOPIC, 1)
      cluster.inject({ fault: { kind: 'appendThenDrop' }, node })
      tell({
        title: 'A response is lost',
        text: `Broker ${node} stores a request, and its connection breaks before it has answered. The producer cannot know what is stored, so it sends the same bytes again with the same sequences, and the broker drops what it already has.`,
        rule: 9,
      })
    },
  },
  {
    label: 'Broker gone',
    help: 'A broker stops for four seconds. Others lead its partitions.',
    ms: 8_000,
    async run(cluster, tell) {
      const node = NODES
      if (!isRunning(cluster, node)) throw new Error(`broker ${node} is down already`)
      const led = partitions().filter(partition => cluster.leader(TOPIC, partition) === node)
      tell({
        title: 'A broker is gone',
        text: `Broker ${node} stops with requests in flight. Other brokers lead its partitions, and each new leader gets one batch alone until it has stored it.`,
        rule: 7,
      })
      await stop(cluster, node)
      await firstValueFrom(timer(5_000))
      await start(cluster, node)
      for (const partition of led) cluster.moveLeader(TOPIC, partition, node)
      tell({
        title: 'The broker is back',
        text: `Broker ${node} leads its partitions again, so they move once more.`,
        rule: 6,
      })
    },
  },
  {
    label: 'Throttle',
    help: 'A broker asks for a pause of four seconds, as for a quota.',
    ms: 8_000,
    run(cluster, tell) {
      const node = cluster.leader(TOPIC, 1)
      cluster.inject({ fault: { kind: 'throttle', ms: 4_000 }, node })
      tell({
        title: 'A broker throttles',
        text: `Broker ${node} asks for a pause of 4 s, as for a quota (KIP-219). The producer sends it nothing more until then. Records wait in batches, and the other brokers go on.`,
      })
    },
  },
  {
    label: 'Not enough replicas',
    help: 'A broker rejects a batch of orders-2.',
    ms: 8_000,
    run(cluster, tell) {
      cluster.inject({ fault: { kind: 'error', code: NOT_ENOUGH_REPLICAS }, topic: TOPIC, partition: 2 })
      tell({
        title: 'A batch is rejected',
        text: `Broker ${cluster.leader(TOPIC, 2)} rejects one batch of ${TOPIC}-2 with NOT_ENOUGH_REPLICAS, so the batches behind it are out of sequence. All of them return to the front of the queue, in the order of their sequences.`,
        rule: 5,
      })
    },
  },
]

const NOT_ENOUGH_REPLICAS = 19

export const partitions = (): number[] => Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** Nodes that the story has stopped. */
const stopped = new WeakMap<TestCluster, Set<number>>()

const isRunning = (cluster: TestCluster, node: number): boolean => !stopped.get(cluster)?.has(node)

async function stop(cluster: TestCluster, node: number): Promise<void> {
  stopped.set(cluster, new Set([node]))
  await cluster.stopNode(node)
}

async function start(cluster: TestCluster, node: number): Promise<void> {
  await cluster.startNode(node)
  stopped.delete(cluster)
}

function runningAfter(cluster: TestCluster, node: number): number {
  const next = (node % NODES) + 1
  return isRunning(cluster, next) ? next : (next % NODES) + 1
}
