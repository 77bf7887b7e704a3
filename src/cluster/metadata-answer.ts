import { BrokerError, KafkaError } from '../errors.js'
import { brokerError, ErrorCode, mayPass } from '../protocol/error-codes.js'
import type { LeaderMetadata } from '../protocol/messages/metadata.js'

/** What the cluster says of one topic. */
export interface TopicMetadata {
  readonly name: string
  /** As hexadecimal digits; empty where brokers have no topic ids (before Kafka 2.8). */
  readonly topicId: string
  /** By partition number. -1: has no leader now, or one that is not among the brokers. Empty: the topic is not known. */
  readonly leaders: readonly number[]
  /** The epoch of each leader (KIP-320), which increases with every change; -1: not known. Undefined: of none, as before Kafka 2.1. */
  readonly leaderEpochs?: readonly number[]
  /** Why there are no leaders: what the broker says, or what its answer lacks. */
  readonly error: KafkaError | undefined
}

/**
 * Reads what an answer says about the requested topics. A valid answer may be useless: it omits a topic, or lists no partitions, or
 * a leader that is not among the brokers. Each of these is an error of that topic. Topics that nobody asked for, and repeated
 * entries, are ignored, because nothing bounds their number in {@link LeaderMetadata}.
 */
export function readTopics(
  { brokers, topics }: Pick<LeaderMetadata, 'brokers' | 'topics'>,
  asked: readonly string[],
): TopicMetadata[] {
  const nodes = new Set(brokers.map(({ nodeId }) => nodeId))
  const named = new Map<string, LeaderMetadata['topics'][number]>()
  for (const topic of topics) {
    const { name } = topic
    if (name !== null && !named.has(name)) named.set(name, topic)
  }
  return asked.map(name => {
    const topic = named.get(name)
    if (topic !== undefined) return readTopic(name, topic, nodes)
    return { name, topicId: '', leaders: [], error: lack(name, 'does not name it') }
  })
}

/** Whether asking again can't help. */
export function isFinal(error: Error | undefined): boolean {
  return error instanceof BrokerError && !mayPass(error)
}

function readTopic(name: string, topic: LeaderMetadata['topics'][number], nodes: ReadonlySet<number>): TopicMetadata {
  const leaders = new Array<number>(topic.partitions.length).fill(-1)
  const leaderEpochs = new Array<number>(topic.partitions.length).fill(-1)
  let error: KafkaError | undefined
  if (topic.errorCode !== ErrorCode.NONE) error = new BrokerError(brokerError(topic.errorCode))
  else if (leaders.length === 0) error = lack(name, 'gives it no partitions')
  for (const { partitionIndex: index, leaderId, leaderEpoch } of topic.partitions) {
    if (!(index in leaders)) continue
    leaderEpochs[index] = leaderEpoch
    if (leaderId === -1) continue
    if (nodes.has(leaderId)) leaders[index] = leaderId
    else error ??= lack(name, `names node ${leaderId} as the leader of partition ${index}, and no broker of that id`)
  }
  const topicId = topic.topicId.every(byte => byte === 0) ? '' : topic.topicId.toString('hex')
  return { name, topicId, leaders, leaderEpochs, error }
}

function lack(topic: string, what: string): KafkaError {
  return new KafkaError(`topic ${topic} was asked for, and the last answer ${what}`)
}
