/**
 * A program of kafkajs's API, with one import or the other; started by kafkajs.ts as a process of its own, because kafkajs can end it.
 * Prints one line of JSON.
 */
import kafkajs from 'kafkajs'
import own from '../../src/kafkajs/index.js'
import { damageOf, SCENARIOS } from '../kafkajs/damage.js'

export interface Job {
  readonly api: 'kafkajs' | 'rx-kafka'
  readonly config: kafkajs.ProducerConfig
  readonly task:
    | {
        readonly kind: 'rate'
        readonly brokers: readonly string[]
        /** Calls of `send()` that are open at the same time, and messages of each. */
        readonly atOnce: number
        readonly count: number
        readonly warmUpMs: number
        readonly measuredMs: number
      }
    /** Of the fault matrix, by its place in the list of scenarios. */
    | { readonly kind: 'damage'; readonly scenario: number; readonly atOnce: number }
}

const { api, config, task } = JSON.parse(process.argv[2]!) as Job
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const chosen = api === 'kafkajs' ? kafkajs : (own as unknown as typeof kafkajs)
const value = 'x'.repeat(100)

async function rate({ brokers, atOnce, count, warmUpMs, measuredMs }: Job['task'] & { kind: 'rate' }): Promise<number> {
  const kafka = new chosen.Kafka({ brokers: [...brokers], logLevel: chosen.logLevel.NOTHING })
  const producer = kafka.producer(config)
  await producer.connect()
  const start = performance.now()
  const [from, to] = [start + warmUpMs, start + warmUpMs + measuredMs]
  let acked = 0
  const lane = async (): Promise<void> => {
    while (performance.now() < to) {
      await producer.send({ topic: 't', messages: Array.from({ length: count }, () => ({ value })) })
      const now = performance.now()
      if (now >= from && now < to) acked += count
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  await producer.disconnect()
  return (acked * 1000) / measuredMs
}

const result =
  task.kind === 'rate' ? await rate(task) : await damageOf(chosen, config, task.atOnce, SCENARIOS[task.scenario]!)
console.log(JSON.stringify(result))
process.exit()
