import type { ProducerOptions } from '../../src/index.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import type { ClusterOptions } from '../../src/testing/index.js'
import type { Random } from '../support/random.js'

/** Among whom a producer lives, and how it is set up. */
export interface Plan {
  readonly cluster: Omit<ClusterOptions, 'scheduler' | 'network'>
  readonly producer: Partial<ProducerOptions>
  readonly latencyMs: number
  readonly deliveryTimeoutMs: number
}

export function planOf(random: Random): Plan {
  const deliveryTimeoutMs = random.pick([5_000, 15_000, 60_000])
  const mechanism = random.chance(0.5) ? undefined : random.pick(['plain', 'oauthbearer', 'scram-sha-256'] as const)
  const user = { username: 'u', password: 'p' }
  return {
    deliveryTimeoutMs,
    // With none, what is tried again at once would never let time pass.
    latencyMs: random.int(1, 5),
    cluster: {
      nodes: random.int(1, 3),
      topics: { t: { partitions: random.int(1, 3) }, u: { partitions: random.int(1, 2) } },
      replyDelayMs: random.pick([0, 5, 50]),
      // It would be most of the memory that is measured.
      trace: false,
      ...(mechanism && { sasl: { users: { u: 'p' }, sessionLifetimeMs: random.pick([0, 1_500, 5_000]) } }),
    },
    producer: {
      batchSize: BATCH_HEADER_SIZE + random.pick([10, 60, 600]),
      linger: random.pick([0, 0, 5]),
      compression: random.pick(['none', 'none', 'snappy'] as const),
      maxInFlight: random.int(1, 5),
      deliveryTimeoutMs,
      requestTimeoutMs: 2_000,
      connectTimeoutMs: 2_000,
      metadataMaxAgeMs: random.pick([300_000, 1_000]),
      ...(mechanism && {
        sasl: mechanism === 'oauthbearer' ? { mechanism, token: () => 'p' } : { mechanism, ...user },
      }),
    },
  }
}
