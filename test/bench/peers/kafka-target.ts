/** Brokers of Apache Kafka, as what producers are measured on: records are counted by the offsets that readers would see. */
import { setTimeout as sleep } from 'node:timers/promises'
import type kafkajs from 'kafkajs'
import type { KafkaCluster } from '../../kafka/kafka-cluster.js'
import type { Watched } from '../broker.js'
import { cpuSeconds, memory } from '../proc.js'
import type { Target } from './measure.js'

/** Offsets are asked for so often. Each answer costs a broker a fraction of a ms. */
const POLL_MS = 10

interface Moment {
  readonly records: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly brokerCpuSeconds: number
}

export class KafkaTarget implements Target, AsyncDisposable {
  readonly #kafka: KafkaCluster
  readonly #admin: kafkajs.Admin
  #topic = ''

  private constructor(kafka: KafkaCluster, admin: kafkajs.Admin) {
    this.#kafka = kafka
    this.#admin = admin
  }

  static async connect(kafka: KafkaCluster): Promise<KafkaTarget> {
    const admin = kafka.kafkajs().admin()
    await admin.connect()
    return new KafkaTarget(kafka, admin)
  }

  get addresses(): readonly string[] {
    return this.#kafka.brokers
  }

  /** Makes the topic in place of the last one, whose segments would fill the disk. */
  async begin(topic: string, partitions: number): Promise<void> {
    if (this.#topic !== '') await this.#admin.deleteTopics({ topics: [this.#topic] })
    await this.#kafka.createTopic(topic, partitions)
    this.#topic = topic
    // Who leads it is known to one broker before another.
    for (let ready = false; !ready; )
      ready = await this.status().then(
        () => true,
        () => sleep(POLL_MS, false),
      )
  }

  async status(): Promise<{ records: number; violations: readonly string[] }> {
    const offsets = await this.#admin.fetchTopicOffsets(this.#topic)
    return { records: offsets.reduce((sum, { high }) => sum + Number(high), 0), violations: [] }
  }

  /** Counts move a batch at a time: what is measured is what was written between two answers, not exactly what was asked for. */
  async watch(pid: number, from: number, records: number): Promise<Watched> {
    const begin = await this.#reached(pid, from)
    const end = await this.#reached(pid, from + records)
    return {
      records: end.records - begin.records,
      seconds: end.seconds - begin.seconds,
      cpuSeconds: end.cpuSeconds - begin.cpuSeconds,
      brokerCpuSeconds: end.brokerCpuSeconds - begin.brokerCpuSeconds,
      ...{ requests: Number.NaN, batches: Number.NaN, meanBatchBytes: Number.NaN },
      ...{ maxInFlight: Number.NaN, meanInFlight: Number.NaN },
      ...memory(pid),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect()
  }

  async #reached(pid: number, count: number): Promise<Moment> {
    for (;;) {
      const { records } = await this.status()
      if (records >= count) {
        const brokers = this.#kafka.pids.reduce((sum, broker) => sum + cpuSeconds(broker), 0)
        return { records, seconds: performance.now() / 1000, cpuSeconds: cpuSeconds(pid), brokerCpuSeconds: brokers }
      }
      await sleep(POLL_MS)
    }
  }
}
