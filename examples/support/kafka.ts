import { parseArgs } from 'node:util'
import type { ProducerRecord } from '../../src/index.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { brokerAddress, orExit } from './args.js'
import { fingerprint } from './ledger.js'
import { connect, parseAddress } from './read-back.js'

type ClusterOptions = NonNullable<Parameters<typeof startCluster>[0]>

const HELP = `npm run example -- NAME [argument] [options]

  --brokers HOST:PORT,…   a Kafka to write to; its topics must exist, or be made by the broker when they are asked for
  --help

Without --brokers an embedded broker is started in this process, and what was written is verified there.
`

/** The Kafka that an example writes to: the one of `--brokers`, or one in this process that ends with it. */
export async function openKafka(options: ClusterOptions): Promise<ExampleKafka> {
  const { brokers, args } = readArgs()
  if (brokers !== undefined) await reach(brokers)
  const cluster = brokers === undefined ? await startCluster({ trace: false, ...options }) : undefined
  const kafka = new ExampleKafka(cluster, brokers ?? cluster!.brokers, args)
  console.log(`writing to ${cluster ? 'an embedded broker' : 'Kafka'} at ${kafka.brokers.join(', ')}`)
  return kafka
}

/** @see openKafka */
class ExampleKafka implements AsyncDisposable {
  readonly brokers: readonly string[]
  /** The embedded one, which can be told to fail and be looked into; undefined with `--brokers`. */
  readonly cluster: TestCluster | undefined
  /** What else is on the command line. */
  readonly args: readonly string[]

  constructor(cluster: TestCluster | undefined, brokers: readonly string[], args: readonly string[]) {
    this.cluster = cluster
    this.brokers = brokers
    this.args = args
  }

  /**
   * Compares what a topic holds with what should be in it: all of that, once, and in its order along each partition. Says
   * so, or throws. Of a real Kafka nothing is read: its topic may hold anything beside that.
   */
  verify(topic: string, expected: Iterable<Pick<ProducerRecord, 'key' | 'value'>>): void {
    if (this.cluster === undefined) {
      console.log(`written to topic ${topic}; only the embedded broker is looked into`)
      return
    }
    // Where each record is expected; equal ones one after the other.
    const places = new Map<number, number[]>()
    let count = 0
    for (const { key, value } of expected) {
      const print = fingerprint(key, value)
      const equal = places.get(print)
      if (equal === undefined) places.set(print, [count++])
      else equal.push(count++)
    }
    let found = 0
    const partitions = this.cluster.topics.get(topic) ?? 0
    for (let partition = 0; partition < partitions; partition++) {
      let before = -1
      for (const { key, value, offset } of this.cluster.records(topic, partition)) {
        const place = places.get(fingerprint(key, value))?.shift()
        const where = `${topic}-${partition} at offset ${offset}`
        if (place === undefined) throw new Error(`${where} should not be there, or not twice: ${key} ${value}`)
        if (place < before) throw new Error(`${where} is out of order: ${key} ${value}`)
        before = place
        found++
      }
    }
    if (found !== count) throw new Error(`${count - found} of ${count} records are missing in topic ${topic}`)
    console.log(`verified: topic ${topic} has ${count} records, each once and in order (partitions: ${partitions})`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster?.stop()
  }
}

/** A producer would go on trying, which is not what somebody wants who has mistyped an address. */
async function reach(brokers: readonly string[]): Promise<void> {
  const results = await Promise.allSettled(brokers.map(broker => connect(parseAddress(broker))))
  for (const result of results) if (result.status === 'fulfilled') result.value.close()
  if (results.some(({ status }) => status === 'fulfilled')) return
  for (const result of results) if (result.status === 'rejected') console.error(result.reason.message)
  process.exit(1)
}

function readArgs(): { brokers: readonly string[] | undefined; args: readonly string[] } {
  return orExit(() => {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { brokers: { type: 'string' }, help: { type: 'boolean', default: false } },
    })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    return { brokers: values.brokers?.split(',').map(brokerAddress), args: positionals }
  }, HELP)
}
