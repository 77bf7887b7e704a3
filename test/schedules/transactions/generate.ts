import { RECORD_COST } from '../../../src/producer/model/batch.js'
import { Random } from '../../support/random.js'
import { ruleOf } from './faults.js'
import type {
  Burst,
  Contents,
  Imperative,
  InstancePlan,
  Operator,
  Step,
  TransactionSchedule,
  Work,
} from './schedule.js'

/** The schedule that a seed stands for. */
export function generate(seed: number): TransactionSchedule {
  return new Generator(new Random(seed)).schedule(seed)
}

class Generator {
  readonly #random: Random
  readonly #nodes: number
  readonly #version: 1 | 2
  readonly #partitions: readonly number[]
  /** Small: pauses matter less than what comes together. */
  readonly #calm: boolean

  constructor(random: Random) {
    this.#random = random
    this.#nodes = random.int(1, 3)
    this.#version = random.chance(0.5) ? 1 : 2
    this.#partitions = random.list(1, 2, () => random.int(1, 3))
    this.#calm = random.chance(0.15)
  }

  schedule(seed: number): TransactionSchedule {
    const random = this.#random
    const instances = [this.#instance(0)]
    if (random.chance(0.25)) instances.push(this.#instance(random.int(0, 1500)))
    if (random.chance(0.04)) instances.push(this.#instance(random.int(0, 3000)))
    return {
      seed,
      cluster: {
        nodes: this.#nodes,
        transactionVersion: this.#version,
        partitions: this.#partitions,
        replyDelayMs: random.pick([0, 0, 1, 5, 20]),
        latencyMs: random.pick([0, 0, 1, 5, 20]),
        markerDelayMs: random.pick([0, 0, 1, 10, 60, 300]),
        coordinatorLoadMs: random.pick([0, 0, 20, 300]),
        strictFirstSequence: random.chance(0.5),
      },
      producer: this.#producer(),
      instances,
      steps: this.#calm ? [] : random.list(1, 14, () => ({ wait: this.#wait(), ...this.#action() })),
    }
  }

  #producer(): TransactionSchedule['producer'] {
    const random = this.#random
    const hasty = !this.#calm && random.chance(0.4)
    const linger = random.pick([0, 0, 0, 1, 10, 100])
    const requestTimeoutMs = hasty ? random.int(300, 1500) : random.int(2000, 30_000)
    const small = random.chance(0.2)
    const maxRequestSize = small ? random.int(1024, 2048) : 1_000_000
    return {
      maxInFlight: random.int(1, 5),
      linger,
      batchSize: random.pick([1, 120, 200, 400, 1000, small ? 1024 : 16_384]),
      requestTimeoutMs,
      deliveryTimeoutMs: linger + requestTimeoutMs + (hasty ? random.int(500, 8000) : random.int(30_000, 90_000)),
      maxRequestSize,
      transactionTimeoutMs: !this.#calm && random.chance(0.15) ? random.int(300, 5000) : 900_000,
      ...(small && { bufferMemory: maxRequestSize + 16 * RECORD_COST + random.int(0, 8192) }),
      ...(random.chance(0.2) && { retryBackoffMs: random.int(1, 50) }),
      ...(random.chance(0.1) && { metadataMaxAgeMs: random.int(500, 10_000) }),
    }
  }

  #instance(startsAt: number): InstancePlan {
    return { startsAt, works: this.#random.list(1, 5, () => this.#work()) }
  }

  #work(): Work {
    return this.#random.chance(0.65) ? this.#imperative() : this.#operator()
  }

  #imperative(): Imperative {
    const random = this.#random
    const end = random.pick(['commit', 'commit', 'commit', 'commit', 'abort', 'leave'] as const)
    return {
      kind: 'imperative',
      by: random.pick(['send', 'send', 'sendBatches', 'publish', 'sendOne']),
      end,
      ...this.#contents(),
      ...(random.chance(0.5) && { endAfter: this.#wait() }),
      ...(random.chance(0.3) && { overlaps: true }),
      ...(end === 'commit' && random.chance(0.15) && { abortAfter: random.chance(0.5) ? 0 : this.#wait() }),
    }
  }

  #operator(): Operator {
    const random = this.#random
    const hot = random.chance(0.4)
    const sources = hot ? (['hot'] as const) : (['hot', 'array', 'async', 'promise', 'observable'] as const)
    return {
      kind: 'operator',
      onAborted: random.pick(['end', 'continue', 'continue']),
      values: random.list(1, 5, () => ({
        source: random.pick(sources),
        wait: random.chance(0.4) ? 0 : this.#wait(),
        ...this.#contents(),
      })),
      ...(random.chance(0.08) && { unsubscribeAfter: random.int(0, 1000) }),
    }
  }

  #contents(): Contents {
    const random = this.#random
    return {
      bursts: random.list(random.chance(0.07) ? 0 : 1, 3, () => this.#burst()),
      ...(random.chance(0.3) && { offsets: random.list(1, 2, () => random.int(0, this.#partitions[0]! - 1)) }),
      ...(random.chance(0.3) && { position: true }),
      ...(random.chance(0.05) && { fails: true }),
    }
  }

  #burst(): Burst {
    const random = this.#random
    const topic = this.#topic()
    return {
      wait: random.chance(0.5) ? 0 : this.#wait(),
      count: random.chance(0.1) ? random.int(15, 40) : random.int(1, 8),
      topic,
      to: random.chance(0.7) ? this.#partition(topic) : 'key',
      size: random.pick([0, 10, 10, 50, 200]),
      ...(random.chance(0.02) && { invalid: true }),
    }
  }

  #action(): StepAction {
    const random = this.#random
    const topic = this.#topic()
    const node = random.int(1, this.#nodes)
    const kind = random.next()
    if (kind < 0.62) return { do: 'inject', rule: ruleOf(random, this.#version, this.#nodes) }
    if (kind < 0.7) return { do: 'moveLeader', topic, partition: this.#partition(topic), node }
    if (kind < 0.78) return { do: 'moveCoordinator', node }
    if (kind < 0.83) return { do: 'stopNode', node }
    if (kind < 0.89) return { do: 'startNode', node }
    if (kind < 0.91) return { do: 'outage', ms: random.int(1, 3000) }
    if (kind < 0.95) return { do: 'cut', node }
    if (kind < 0.965) return { do: 'reloadProducers', topic, partition: this.#partition(topic) }
    if (kind < 0.98) return { do: 'recreateTopic', topic }
    return { do: 'close', instance: random.int(0, 1) }
  }

  #wait(): number {
    const random = this.#random
    const kind = random.next()
    if (kind < 0.3) return 0
    if (kind < 0.7) return random.int(0, 30)
    return kind < 0.97 ? random.int(0, 400) : random.int(0, 3000)
  }

  #topic(): string {
    return `t${this.#random.int(0, this.#partitions.length - 1)}`
  }

  #partition(topic: string): number {
    return this.#random.int(0, this.#partitions[Number(topic.slice(1))]! - 1)
  }
}

type StepAction = Step extends infer S ? (S extends Step ? Omit<S, 'wait'> : never) : never
